-- Deliveries that were mapped, with what they became. A(1) highest position known, A(2) the relay's time, A(3) bytes this shard may hold,
-- headroom included, A(4) bytes that come; then of each delivery: id, state (m, s, f), what becomes of its body ('' stays, f forgotten, m masked),
-- the masked body, how many events, how many letters; its events (id, destination, route, key, time, JSON); its letters
-- (id, kind, reason, message, destination, JSON, attempts).
local at, bytesMax, coming = A(2), tonumber(A(3)), tonumber(A(4))
if not makeRoom(coming, bytesMax) then
  return redis.error_reply('FULL what waits fills the buffer and its headroom')
end
local place = 4
local function part()
  place = place + 1
  return A(place)
end
local added = 0

local function body(hash, becomes, masked)
  if becomes == '' then
    return 0
  end
  local change
  if becomes == 'f' then
    change = -call('HSTRLEN', hash, 'b') - call('HSTRLEN', hash, 'h')
    call('HDEL', hash, 'b', 'h')
  else
    change = #masked - call('HSTRLEN', hash, 'b')
    call('HSET', hash, 'b', masked)
  end
  return change
end

local function events(count, source, since)
  local weight = 0
  local first = count > 0 and take('e', count, tonumber(A(1))) or 0
  for one = 0, count - 1 do
    local event = { id = part(), destination = part() }
    local route = part()
    event.key, event.time, event.json = part(), part(), part()
    local n = makeLane(event.destination .. '\31' .. route .. '\31' .. source)
    addEvent(num(position(first + one)), n, event, since)
    weight = weight + #event.json + eventBytes
  end
  return weight, first
end

local function letters(count, of)
  local died = 0
  for _ = 1, count do
    local letter = { id = part(), kind = part(), reason = part(), message = part(), destination = part(), json = part(), attempts = part() }
    bury(letter, of, nil, at)
    if letter.kind == 'event' then
      died = died + 1
    end
  end
  return died
end

while place + 4 < #ARGV do
  local id, state, becomes, masked = part(), part(), part(), part()
  local eventCount, letterCount = tonumber(part()), tonumber(part())
  local hash = P .. 'd:' .. id
  local its = call('HMGET', hash, 's', 'k', 'f', 'p', 'z')
  if its[1] ~= 'a' then
    -- Committed before, or given way meanwhile: nothing changes.
    place = place + 6 * eventCount + 7 * letterCount
  else
    local facts = cjson.decode(its[3])
    local source, type, receivedAt = facts[1], facts[3], facts[5]
    if type == cjson.null then
      type = nil
    end
    local since = num(receivedAt)
    local weight, first = events(eventCount, source, since)
    weight = weight + body(hash, becomes, masked)
    local died = letters(letterCount, { source = source, delivery = id, type = type, receivedAt = since })
    call('HSET', hash, 's', state, 'c', eventCount + died, 'w', eventCount, 'x', died, 'z', num(tonumber(its[5]) + weight))
    if eventCount > 0 then
      call('HSET', hash, 'e', num(first) .. ':' .. eventCount)
    else
      call('ZREM', P .. 'open', id)
      call('ZADD', P .. 'settled', since, id)
    end
    call('ZREM', P .. 'kind:a:' .. its[2], id)
    call('ZADD', P .. 'kind:' .. state .. ':' .. its[2], its[4], id)
    call('XACK', P .. 'unmapped', 'map', its[4] .. '-0')
    call('XDEL', P .. 'unmapped', its[4] .. '-0')
    added = added + weight
    counted(state == 'm' and 'mapped' or state == 's' and 'skipped' or 'failed', source, 1)
    counted('created', source, eventCount + died)
    counted('dead', source, died)
    if state ~= 'm' then
      fallenCount(source, type, state, id, receivedAt)
    end
  end
end
grown(added)
return { ready() }
