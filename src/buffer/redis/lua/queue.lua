-- Events into what waits, and out of it. Needs lanes.lua and events.lua. Nothing here counts tallies or deliveries: the callers do, once for many.

-- Adds one that waits, at this position; `key` is '' for a plain event. Answers what it weighs.
local function addEvent(member, n, event, since, alone)
  local weight = keepEvent(member, n, since, event, alone)
  countLater(P .. 'waiting', n, 1)
  if event.key == '' then
    enqueue(n, member, event.time)
    return weight
  end
  local own = event.destination .. ' ' .. event.key
  call('HSET', P .. 'keyed', member, own)
  call('ZADD', P .. 'u:' .. own, member, member)
  -- Behind an older one of its key: its turn comes when that leaves.
  if call('ZRANK', P .. 'u:' .. own, member) == 0 then
    enqueue(n, member, event.time)
  end
  return weight
end

-- Out of every place where a waiting event may be; of an update, the next of its key gets its turn. A lease may name it still: nobody
-- puts back what waits no more.
local function takeOut(member, event)
  removeLater('ZREM', P .. 'q:' .. event.n, member)
  removeLater('ZREM', P .. 'o:' .. event.n, member)
  forgetWaiting(member)
  countLater(P .. 'waiting', event.n, -1)
  touch(event.n)
  local key = event.key
  if not key then
    return
  end
  local first = call('ZRANGE', P .. 'u:' .. key, 0, 0)[1]
  call('ZREM', P .. 'u:' .. key, member)
  if first ~= member then
    return
  end
  local following = call('ZRANGE', P .. 'u:' .. key, 0, 0)[1]
  local its = following and eventOf(following)
  if its then
    enqueue(its.n, following, its.time)
  end
end
