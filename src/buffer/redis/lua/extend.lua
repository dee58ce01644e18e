-- Leases go on. A(1) for how long from now in ms, then positions. Answers how many are not ours any more though they wait.
local time = now()
local ends = num(time + tonumber(A(1)))
expire(time)
local lost = 0
for at = 2, #ARGV - 4 do
  local member = A(at)
  local _, token = leaseOf(member)
  if isMine(token) then
    call('ZADD', P .. 'leased', ends, member)
  elseif call('HGET', P .. 'e:' .. member, 's') == 'w' then
    lost = lost + 1
  end
end
return { ready(), lost }
