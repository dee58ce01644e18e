-- A connection comes up. A(1) the format it knows, A(2) which server this is, A(3) '1': it was connected before. Another server than before may lack
-- what the last one was given, as a replica does that takes its place; so the counter of events leaps past what that may have counted: no position
-- is given twice, and a relay that has in hand what was lost settles nothing else by it.
local meta, leap = P .. 'meta', 10000000
local its = call('HMGET', meta, 'format', 'server')
if (its[1] and its[1] ~= A(1)) or its[2] == A(2) then
  return { 0 }
end
call('HSET', meta, 'server', A(2))
if not its[2] and A(3) == '' then
  return { 0 }
end
take('e', leap, 0)
return { 1 }
