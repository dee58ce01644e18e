-- A replay begins. A(1) replays kept, A(2) replays that run at most, A(3) id, A(4) mode, A(5) selection, A(6) place of its end, A(7) count, A(8) by, A(9) made at.
local hash = P .. 'r:' .. A(3)
-- Asked again, for the answer was lost.
if call('EXISTS', hash) == 1 then
  return { 'added' }
end
if call('SCARD', P .. 'running') >= tonumber(A(2)) then
  return { 'too_many' }
end
for _, id in ipairs(oldReplays(tonumber(A(1)))) do
  call('DEL', P .. 'r:' .. id, P .. 'rc:' .. id, P .. 'ri:' .. id, P .. 'rp:' .. id)
  call('ZREM', P .. 'replays', id)
end
call('HSET', hash, 'mode', A(4), 'selection', A(5), 'state', 'running', 'selecting', '1', 'place', '0', 'upTo', A(6), 'count', A(7), 'by', A(8), 'createdAt', A(9))
call('ZADD', P .. 'replays', num(take('r', 1, 0)), A(3))
call('SADD', P .. 'running', A(3))
return { 'added' }
