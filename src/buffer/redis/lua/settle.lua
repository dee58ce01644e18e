-- Events done with. A(1) the relay's time; how many leases are over with this, their tokens; how many lanes, of each its name, how many plain events were
-- delivered, and of each position, delivery, and since when it waited if it is all that its delivery became ('' it is not); how many others were
-- delivered, their positions; then of each that died: position, letter id, reason, message, destination ('' its own), JSON ('' its own), attempts. One that waits no more is passed over.
local at = A(1)
local place = 1
local function part()
  place = place + 1
  return A(place)
end

-- By number: whose lane it is, and what left it.
local lanes = {}
-- What comes twice is settled once.
local done = {}
-- Of deliveries that became more than one event: how many left, and of these how many died; and all that left, in turn with their deliveries.
local settled, deaths, gone = {}, {}, {}

-- The last but one of a delivery's facts, without reading all of them.
local function receiptOf(facts)
  return string.match(facts, ',(%d+),%d+%]$')
end

local function laneOf(n)
  local known = lanes[n]
  if not known then
    local destination, route, source = laneParts(laneName(n))
    known = { source = source, destination = destination, route = route, delivered = 0, dead = 0 }
    lanes[n] = known
  end
  return known
end

local function left(member, lane, id, died)
  local what = died and 'dead' or 'delivered'
  lane[what] = lane[what] + 1
  settled[id] = (settled[id] or 0) + 1
  gone[#gone + 1] = member
  gone[#gone + 1] = id
  if died then
    deaths[id] = (deaths[id] or 0) + 1
  end
end

-- It, its lane and its delivery; nil: there is nothing to settle.
local function leave(member, died)
  local event = not done[member] and eventOf(member)
  if not event or not waits(member, event) then
    return nil
  end
  done[member] = true
  local of = call('HGET', P .. 'replayed', member)
  takeOut(member, event)
  if died then
    call('SADD', P .. 'died', member)
  end
  local lane = laneOf(event.n)
  local id = deliveryOf(event.id)
  left(member, lane, id, died)
  if of then
    replayLeft(member, of, died, at)
  end
  return event, lane, id
end

-- Plain events by position, delivery and since: what the relay knows of them is so, as long as no replay has come upon them. Of most nothing
-- needs to be read, and what they change is written together.
local function leaveKnown(n, lane, from, to)
  local asked = {}
  for row = from, to, 3 do
    asked[#asked + 1] = A(row)
  end
  local waiting = call('ZMSCORE', P .. 'o:' .. n, unpack(asked))
  local replayed = call('HMGET', P .. 'replayed', unpack(asked))
  local members, ids, receipts, times = {}, {}, {}, {}
  for one, member in ipairs(asked) do
    if replayed[one] then
      leave(member, nil)
    elseif waiting[one] and not done[member] then
      done[member] = true
      members[#members + 1] = member
      local id, since = A(from + 3 * one - 2), A(from + 3 * one - 1)
      if since == '' then
        left(member, lane, id, nil)
      else
        ids[#ids + 1] = id
        receipts[#receipts + 1], receipts[#receipts + 2] = since, id
        times[#times + 1], times[#times + 2] = id, at
      end
    end
  end
  many('ZREM', P .. 'q:' .. n, members)
  many('ZREM', P .. 'o:' .. n, members)
  many('ZREM', P .. 'open', ids)
  many('ZADD', P .. 'settled', receipts)
  many('HSET', P .. 'left', times)
  countLater(P .. 'waiting', n, -#members)
  lane.delivered = lane.delivered + #ids
end

for _ = 1, tonumber(part()) do
  dropLease(part())
end
for _ = 1, tonumber(part()) do
  local n, count = findLane(part()), tonumber(part())
  local last = place + 3 * count
  if n then
    touch(n)
    for from = place + 1, last, 3000 do
      leaveKnown(n, laneOf(n), from, math.min(from + 2999, last))
    end
  end
  place = last
end
for _ = 1, tonumber(part()) do
  leave(part(), nil)
end
while A(place + 1) do
  local member, letter = part(), { id = part(), kind = 'event', reason = part(), message = part(), destination = part(), json = part(), attempts = part() }
  local event, lane, id = leave(member, letter.reason .. ': ' .. letter.message)
  if event then
    local facts = call('HGET', P .. 'd:' .. id, 'f')
    local known = facts and cjson.decode(facts)
    local type = known and known[3] ~= cjson.null and known[3] or nil
    local receivedAt = known and receiptOf(facts) or at
    letter.json = letter.json ~= '' and letter.json or event.json
    letter.destination = letter.destination ~= '' and letter.destination or lane.destination
    local key = event.key and string.match(event.key, ' (.*)$')
    local about = { position = member, id = event.id, time = event.time, route = lane.route, key = key }
    bury(letter, { source = lane.source, delivery = id, type = type, receivedAt = receivedAt }, about, at)
  end
end

local nowSettled, orphans = {}, {}
for id, count in pairs(settled) do
  local hash = P .. 'd:' .. id
  local waiting = call('HGET', hash, 'w')
  if waiting then
    waiting = tonumber(waiting) - count
    call('HSET', hash, 'w', num(waiting), 't', at)
    if deaths[id] then
      call('HINCRBY', hash, 'x', deaths[id])
    end
    if waiting == 0 then
      nowSettled[#nowSettled + 1] = id
    end
  else
    orphans[id] = true
    removeLater('ZREM', P .. 'open', id)
  end
end
for from = 1, #nowSettled, 1000 do
  local ids = { unpack(nowSettled, from, math.min(from + 999, #nowSettled)) }
  local receipts = call('ZMSCORE', P .. 'received', unpack(ids))
  for one, id in ipairs(ids) do
    removeLater('ZREM', P .. 'open', id)
    addLater(P .. 'settled', receipts[one] or at, id)
  end
end
if next(orphans) then
  -- Dead letters that outlived their delivery were sent again: their rows are nobody's history.
  local freed = 0
  for one = 1, #gone, 2 do
    local event = orphans[gone[one + 1]] and eventOf(gone[one])
    if event then
      freed = freed + event.bytes
      forgetEvent(gone[one])
    end
  end
  grown(-freed)
end
for _, lane in pairs(lanes) do
  counted('delivered', lane.source, lane.delivered)
  counted('dead', lane.source, lane.dead)
end
return { ready() }
