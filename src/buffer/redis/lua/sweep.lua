-- One piece of what is past its retention. A(1) received up to this, A(2) relays not heard of for so many ms are forgotten, if they claim
-- nothing. Answers ready counts and 1 when there may be more.
expire(now())
-- `pcall`: a group that was lost is made anew by whoever maps next.
local relays = redis.pcall('XINFO', 'CONSUMERS', P .. 'unmapped', 'map')
if not relays.err then
  for _, relay in ipairs(relays) do
    -- Pairs of words and values: name, pending, idle.
    if relay[4] == 0 and relay[6] > tonumber(A(2)) then
      call('XGROUP', 'DELCONSUMER', P .. 'unmapped', 'map', relay[2])
    end
  end
end
local rows = dropSettled(A(1), function()
  return false
end)
return { ready(), rows > 0 and 1 or 0 }
