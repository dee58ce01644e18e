-- Leases whose answer was lost: what they took is given back, and one that comes later takes nothing. A(1) how long that is remembered in ms, then tokens.
for at = 2, #ARGV - 4 do
  local key = P .. 'taken:' .. A(at)
  for member in string.gmatch(call('GET', key) or '', '%d+') do
    local n, token = leaseOf(member)
    if token == A(at) then
      giveBack(member, n)
    end
  end
  call('SET', key, 'void', 'PX', A(1))
end
return { ready() }
