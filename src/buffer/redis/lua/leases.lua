-- Whose a lease is: its token begins with the id of the relay that holds it. Needs lanes.lua.
local function leaseOf(member)
  return string.match(call('HGET', P .. 'leases', member) or '', '^(%d+) (.+)$')
end

local function isMine(token)
  return token and string.sub(token, 1, #holder) == holder
end

-- The lease is over and its event stays: ready again, before later ones.
local function giveBack(member, n)
  call('ZREM', P .. 'leased', member)
  call('HDEL', P .. 'leases', member)
  call('ZADD', P .. 'q:' .. n, member, member)
  touch(n)
end
