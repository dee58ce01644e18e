-- Running replays end. A(1) how (done, cancelled), A(2) token of this question, then ids and when. Answers how many did, also when asked again.
local ended = 0
for at = 3, #ARGV - 4, 2 do
  local hash = P .. 'r:' .. A(at)
  local its = call('HMGET', hash, 'state', 'endedBy')
  if its[1] == 'running' then
    call('HSET', hash, 'state', A(1), 'selecting', '0', 'endedAt', A(at + 1), 'endedBy', A(2))
    call('SREM', P .. 'running', A(at))
    ended = ended + 1
  elseif its[2] == A(2) then
    ended = ended + 1
  end
end
return { ended }
