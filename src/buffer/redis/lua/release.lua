-- Leases given back. A(1) '1': the events were sent in vain; then positions. Whoever holds no lease any more changes nothing.
expire(now())
for at = 2, #ARGV - 4 do
  local member = A(at)
  local n, token = leaseOf(member)
  if isMine(token) then
    giveBack(member, n)
    if A(1) == '1' then
      call('HINCRBY', P .. 'e:' .. member, 'a', 1)
      call('HDEL', P .. 'e:' .. member, 'g')
    end
  end
end
return { ready() }
