-- Events into what waits, and out of it. Needs lanes.lua. Nothing here counts tallies or deliveries: the callers do, once for many.

-- What an event weighs in `bytes` besides its JSON: its hash, its places in sorted sets.
local eventBytes = 500

-- Adds one that waits, at this position; `key` is '' for a plain event. `extra`: further fields, or nil.
local function addEvent(member, n, event, since, extra)
  local hash = P .. 'e:' .. member
  call('HSET', hash, 'i', event.id, 'n', n, 't', event.time, 'j', event.json, 'r', since, 's', 'w')
  if extra then
    call('HSET', hash, extra[1], extra[2])
  end
  countLater(P .. 'waiting', n, 1)
  if event.key == '' then
    enqueue(n, member, event.time)
    return
  end
  local own = event.destination .. ' ' .. event.key
  call('HSET', hash, 'k', own)
  call('ZADD', P .. 'u:' .. own, member, member)
  -- Behind an older one of its key: its turn comes when that leaves.
  if call('ZRANK', P .. 'u:' .. own, member) == 0 then
    enqueue(n, member, event.time)
  end
end

-- Out of every place where a waiting event may be; of an update, the next of its key gets its turn.
local function takeOut(member, n, key)
  removeLater('ZREM', P .. 'q:' .. n, member)
  removeLater('ZREM', P .. 'o:' .. n, member)
  removeLater('ZREM', P .. 'leased', member)
  removeLater('HDEL', P .. 'leases', member)
  countLater(P .. 'waiting', n, -1)
  touch(n)
  if not key then
    return
  end
  local first = call('ZRANGE', P .. 'u:' .. key, 0, 0)[1]
  call('ZREM', P .. 'u:' .. key, member)
  if first ~= member then
    return
  end
  local following = call('ZRANGE', P .. 'u:' .. key, 0, 0)[1]
  if following then
    local its = call('HMGET', P .. 'e:' .. following, 'n', 't')
    enqueue(its[1], following, its[2])
  end
end
