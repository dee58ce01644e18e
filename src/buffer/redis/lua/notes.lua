-- Notes of requests, oldest first, that may hold events between A(1) and A(2): `<lowest> <highest> <JSON>` each.
local low, high = tonumber(A(1)), tonumber(A(2))
local found = {}
local all = call('LRANGE', P .. 'notes', 0, -1)
for at = #all, 1, -1 do
  local from, to = string.match(all[at], '^(%d+) (%d+) ')
  if tonumber(from) <= high and tonumber(to) >= low then
    found[#found + 1] = all[at]
  end
end
return { found }
