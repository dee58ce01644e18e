-- Updates that go once are about to be sent (promise 12). A(1)… positions. All or none: answers how many are not ours any more.
local lost = 0
for at = 1, #ARGV - 4 do
  local _, token = leaseOf(A(at))
  if not isMine(token) then
    lost = lost + 1
  end
end
if lost == 0 then
  for at = 1, #ARGV - 4 do
    call('HSET', P .. 'e:' .. A(at), 'g', '1')
  end
end
return { ready(), lost }
