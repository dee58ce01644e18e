-- Deliveries that were mapped, with what they became. A(1) highest position known, A(2) the relay's time, A(3) bytes this shard may hold,
-- headroom included, A(4) bytes that come, A(5) how many events, A(6) '1': only when no events wait (Redis has no memory left: what is mapped
-- now must be all there is to send); then of each delivery: id, state (m, s, f), what becomes of its body ('' stays, f forgotten, m masked),
-- the masked body, how many events, how many letters; its events (id, destination, route, key, time, JSON); its letters
-- (id, kind, reason, message, destination, JSON, attempts).
local at, bytesMax, coming = A(2), tonumber(A(3)), tonumber(A(4))
if not makeRoom(coming, bytesMax) then
  return redis.error_reply('FULL what waits fills the buffer and its headroom')
end
if A(6) == '1' and call('ZCARD', P .. 'open') > 0 then
  return redis.error_reply('FULL Redis has no memory left, and there is enough to send')
end
local place = 6
local function part()
  place = place + 1
  return A(place)
end
local added = 0
-- The counters of all events at once; what is not used is a gap, and gaps are allowed.
local nextEvent = take('e', tonumber(A(5)), tonumber(A(1)))
local mapped = {}

-- `alone`: nothing else becomes of the delivery.
local function events(count, source, since, alone)
  local weight = 0
  local first = nextEvent
  nextEvent = nextEvent + count
  for one = 0, count - 1 do
    local event = { id = part(), destination = part() }
    local route = part()
    event.key, event.time, event.json = part(), part(), part()
    local n = makeLane(event.destination .. '\31' .. route .. '\31' .. source)
    weight = weight + addEvent(num(position(first + one)), n, event, since, alone)
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

while A(place + 1) do
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
    local weight, first = events(eventCount, source, since, eventCount == 1 and letterCount == 0)
    weight = weight + changeBody(hash, becomes, masked)
    local died = letters(letterCount, { source = source, delivery = id, type = type, receivedAt = since })
    local runs = eventCount > 0 and num(first) .. ':' .. eventCount or ''
    call('HSET', hash, 's', state, 'c', num(eventCount + died), 'w', num(eventCount), 'x', num(died), 'z', num(tonumber(its[5]) + weight), 'e', runs)
    addLater(P .. (eventCount > 0 and 'open' or 'settled'), since, id)
    removeLater('ZREM', P .. 'kind:a:' .. its[2], id)
    addLater(P .. 'kind:' .. state .. ':' .. its[2], its[4], id)
    mapped[#mapped + 1] = its[4] .. '-0'
    added = added + weight
    counted(state == 'm' and 'mapped' or state == 's' and 'skipped' or 'failed', source, 1)
    counted('created', source, eventCount + died)
    counted('dead', source, died)
    if state ~= 'm' then
      fallenCount(source, type, state, id, receivedAt)
    end
  end
end
for from = 1, #mapped, 1000 do
  call('XACK', P .. 'unmapped', 'map', unpack(mapped, from, math.min(from + 999, #mapped)))
end
many('XDEL', P .. 'unmapped', mapped)
grown(added)
fallenWrite()
return { ready() }
