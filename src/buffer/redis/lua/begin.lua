-- Updates that go once are about to be sent (promise 12). A(1)… positions by token. All or none: answers how many are not ours any more.
local carried = carriedAway()
if carried then
  return carried
end
expire(now())
local lost, members = 0, {}
eachLeased(1, function(member, _, mine)
  members[#members + 1] = member
  lost = lost + (mine and 0 or 1)
end)
if lost == 0 then
  for _, member in ipairs(members) do
    call('HSET', P .. 'e:' .. member, 'g', '1')
  end
end
return { ready(), lost }
