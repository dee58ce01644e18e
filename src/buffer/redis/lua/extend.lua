-- Leases go on. A(1) for how long from now in ms, then positions by token. Of a lease of which only some go on, these go into one of their own: its
-- token is the first with `+` behind it, and is answered. Answers how many are not ours any more though they wait, then of each new lease its
-- token and the one it comes from.
local time = now()
local ends = num(time + tonumber(A(1)))
expire(time)
local lost, moved = 0, {}
eachLease(2, function(token, asked, others, missing)
  for _, member in ipairs(missing) do
    local event = eventOf(member)
    lost = lost + (event and waits(member, event) and 1 or 0)
  end
  if next(asked) == nil then
    return
  end
  if next(others) == nil then
    call('ZADD', P .. 'leased', ends, token)
    return
  end
  local own = token
  repeat
    own = own .. '+'
  until call('EXISTS', P .. 'lease:' .. own) == 0
  writeLease(token, others, call('ZSCORE', P .. 'leased', token))
  writeLease(own, asked, ends)
  moved[#moved + 1] = own
  moved[#moved + 1] = token
end)
return { ready(), lost, moved }
