-- Deliveries by position, newest first. A(1) below this position ('' none), A(2) how many, A(3) how many are looked at, A(4) source, A(5) states,
-- A(6) type. Answers below what nothing was looked at ('' all was), then of each: id, position, facts, state, created, waiting, dead.
local keys, fits = kindsWhere(A(4), A(5), A(6))
local wanted, lookedMax = tonumber(A(2)), tonumber(A(3))
local flat, found, looked, floor = {}, 0, 0, ''
walk(keys, '-inf', A(1) == '' and '+inf' or '(' .. A(1), true, function(id, p)
  looked = looked + 1
  if not fits or fits(id) then
    found = found + 1
    summary(flat, id)
  end
  if found < wanted and looked == lookedMax then
    floor = num(p)
  end
  return found == wanted or looked == lookedMax
end)
return { floor, flat }
