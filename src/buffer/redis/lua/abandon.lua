-- Leases whose answer was lost: what they took is given back, and one that comes later takes nothing. A(1) how long that is remembered in ms, then tokens.
for at = 2, #ARGV - 4 do
  endLease(A(at))
  call('SET', P .. 'lease:' .. A(at), 'void', 'PX', A(1))
end
return { ready() }
