-- Leases go on. A(1) for how long from now in ms, then positions by token. Answers how many are not ours any more though they wait.
local time = now()
local ends = num(time + tonumber(A(1)))
expire(time)
local lost = 0
eachLeased(2, function(member, _, mine)
  if mine then
    call('ZADD', P .. 'leased', ends, member)
  elseif call('HGET', P .. 'e:' .. member, 's') == 'w' then
    lost = lost + 1
  end
end)
return { ready(), lost }
