-- Updates that go once are about to be sent (promise 12). A(1)… positions by token. All or none: answers how many are not ours any more.
local carried = carriedAway()
if carried then
  return carried
end
expire(now())
local lost, members = 0, {}
eachLease(1, function(_, asked, _, missing)
  lost = lost + #missing
  for _, member in ipairs(everyMember(asked)) do
    members[#members + 1] = member
    members[#members + 1] = '1'
  end
end)
if lost == 0 then
  many('HSET', P .. 'begun', members)
end
return { ready(), lost }
