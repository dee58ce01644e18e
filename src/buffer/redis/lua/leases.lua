-- Whose a lease is: its token begins with the id of the relay that holds it. Needs lanes.lua.
local function leaseOf(member)
  return string.match(call('HGET', P .. 'leases', member) or '', '^(%d+) (%S+)')
end

-- What is remembered of a lease: so much that settling a plain event need not read it again. `of`: its field `y`, or false.
local function leaseText(n, token, eventId, of)
  return n .. ' ' .. token .. ' ' .. (of and '-' or deliveryOf(eventId))
end

-- Lane and delivery; nil when it is not leased, or there is more to know of it.
local function leasedDelivery(text)
  return string.match(text or '', '^(%d+) %S+ (dlv_%S*)$')
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
