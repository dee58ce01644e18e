-- Whose a lease is: its token begins with the id of the relay that holds it, and is another one each time. Needs lanes.lua.
local function leaseOf(member)
  return string.match(call('HGET', P .. 'leases', member) or '', '^(%d+) (%S+)')
end

-- What is remembered of a lease: so much that settling a plain event need not read it again. `of`: its field `y`, or false.
local function leaseText(n, token, eventId, of)
  return n .. ' ' .. token .. ' ' .. (of and '-' or deliveryOf(eventId))
end

-- Lane and delivery; nil when it is not leased, or there is more to know of it.
local function leasedDelivery(text)
  local lane = text and string.find(text, ' ', 1, true)
  local token = lane and string.find(text, ' ', lane + 1, true)
  -- `-`: there is more to know.
  if not token or string.byte(text, token + 1) == 45 then
    return nil
  end
  return string.sub(text, 1, lane - 1), string.sub(text, token + 1)
end

-- Positions by token, from A(first) on: token, how many, positions, and so on. `visit(member, lane, whether it is leased by this token)`.
local function eachLeased(first, visit)
  local at = first
  while A(at) do
    local token = A(at)
    for one = at + 2, at + 1 + tonumber(A(at + 1)) do
      local n, held = leaseOf(A(one))
      visit(A(one), n, held == token)
    end
    at = at + 2 + tonumber(A(at + 1))
  end
end

-- The lease is over and its event stays: ready again, before later ones.
local function giveBack(member, n)
  call('ZREM', P .. 'leased', member)
  call('HDEL', P .. 'leases', member)
  call('ZADD', P .. 'q:' .. n, member, member)
  touch(n)
end
