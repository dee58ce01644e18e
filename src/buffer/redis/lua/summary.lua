-- What a list shows of a delivery (needs events.lua): id, position, facts, state, created, waiting, dead.
local function summary(flat, id)
  local its = call('HMGET', P .. 'd:' .. id, 'p', 'f', 's', 'c', 'w', 'x')
  local base = #flat
  flat[base + 1] = id
  its[5] = its[5] and num((waitingOf(id, its[5])))
  for at = 1, 6 do
    flat[base + 1 + at] = its[at] or '0'
  end
end
