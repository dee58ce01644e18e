-- Leases given back. A(1) '1': the events were sent in vain; then positions by token. Whoever holds no lease any more changes nothing.
expire(now())
eachLeased(2, function(member, n, mine)
  if not mine then
    return
  end
  giveBack(member, n)
  if A(1) == '1' then
    call('HINCRBY', P .. 'e:' .. member, 'a', 1)
    call('HDEL', P .. 'e:' .. member, 'g')
  end
end)
return { ready() }
