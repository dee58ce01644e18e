-- Events as they are kept: a text that never changes, and what may change in keys of its own (keys.ts): a lease reads many texts by one
-- command, and what is delivered at once needs no write of its own.

-- What an event weighs in `bytes` besides its text: its key, its places in sorted sets.
local eventBytes = 400

-- Writes it down; `alone`: it is all that its delivery became, events and dead letters alike. Answers what it weighs.
local function keepEvent(member, n, since, event, alone)
  local text = n .. ' ' .. since .. ' ' .. event.time .. ' ' .. event.id .. (alone and ' 1\n' or ' 0\n') .. event.json
  setLater(P .. 'e:' .. member, text)
  return #text + eventBytes
end

-- The delivery an event was made from. Plain searches: Lua's patterns cost ten times as much, for every event.
local function deliveryOf(eventId)
  local mark = string.find(eventId, '-', 1, true) or string.find(eventId, '~', 1, true)
  return 'dlv_' .. string.sub(eventId, 5, mark and mark - 1)
end

-- Nil: it is not kept.
local function eventOf(member)
  local key = P .. 'e:' .. member
  local text = laterTexts[key] or call('GET', key)
  if not text then
    return nil
  end
  local n, since, time, id, json = string.match(text, '^(%d+) (%S+) (%S+) (%S+) %d\n()')
  return {
    n = n,
    since = since,
    time = time,
    id = id,
    json = string.sub(text, json),
    key = call('HGET', P .. 'keyed', member) or nil,
    bytes = #text + eventBytes,
  }
end

-- One that waits has its place in the order of own times, or stands behind an older one of its key.
local function waits(member, event)
  if call('ZSCORE', P .. 'o:' .. event.n, member) then
    return true
  end
  return event.key ~= nil and call('ZSCORE', P .. 'u:' .. event.key, member) ~= false
end

-- w it waits, x it died, d it was delivered.
local function stateOf(member, event)
  if waits(member, event) then
    return 'w'
  end
  return call('SISMEMBER', P .. 'died', member) == 1 and 'x' or 'd'
end

-- It waits no more.
local function forgetWaiting(member)
  removeLater('HDEL', P .. 'keyed', member)
  removeLater('HDEL', P .. 'begun', member)
  removeLater('HDEL', P .. 'replayed', member)
end

-- Nothing of it stays. That it waits is not looked at.
local function forgetEvent(member)
  call('DEL', P .. 'e:' .. member)
  forgetWaiting(member)
  removeLater('HDEL', P .. 'attempts', member)
  removeLater('SREM', P .. 'died', member)
end

-- How many events of a delivery wait and when one left last: what its hash says in `w` and `t`, unless it had but one and that has left.
local function waitingOf(id, w, t)
  local leftAt = call('HGET', P .. 'left', id)
  if leftAt then
    return 0, leftAt
  end
  return tonumber(w or '0'), t
end

-- Its hash tells it from now on: there is more to come of it than one event.
local function tellsItself(id)
  local leftAt = call('HGET', P .. 'left', id)
  if leftAt then
    call('HSET', P .. 'd:' .. id, 'w', '0', 't', leftAt)
    call('HDEL', P .. 'left', id)
  end
end
