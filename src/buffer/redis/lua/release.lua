-- Leases given back. A(1) '1': the events were sent in vain; then positions by token. Whoever holds no lease any more changes nothing.
expire(now())
eachLease(2, function(token, asked, others)
  if next(asked) == nil then
    return
  end
  local ends = call('ZSCORE', P .. 'leased', token)
  putBack(asked)
  writeLease(token, others, ends)
  if A(1) == '1' then
    for _, member in ipairs(everyMember(asked)) do
      countLater(P .. 'attempts', member, 1)
      removeLater('HDEL', P .. 'begun', member)
    end
  end
end)
return { ready() }
