-- What a list shows of a delivery: id, position, facts, state, created, waiting, dead.
local function summary(flat, id)
  local its = call('HMGET', P .. 'd:' .. id, 'p', 'f', 's', 'c', 'w', 'x')
  local base = #flat
  flat[base + 1] = id
  for at = 1, 6 do
    flat[base + 1 + at] = its[at] or '0'
  end
end
