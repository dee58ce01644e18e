-- Events done with. A(1) the relay's time, A(2) how many were delivered, their positions; then of each that died: position, letter id, reason, message,
-- destination ('' its own), JSON ('' its own), attempts. One that waits no more is passed over.
local at = A(1)
local deliveries, sources = {}, {}
-- Every one that left, and its delivery.
local gone, goneOf = {}, {}
-- By delivery.
local deaths = {}

-- The last but one of a delivery's facts, without reading all of them.
local function receiptOf(facts)
  return string.match(facts, ',(%d+),%d+%]$')
end

local function sourceOf(n)
  local known = sources[n]
  if not known then
    local destination, route, source = laneParts(laneName(n))
    known = { source = source, destination = destination, route = route, delivered = 0, dead = 0, members = {} }
    sources[n] = known
  end
  return known
end

local function left(member, lane, id, died)
  local what = died and 'dead' or 'delivered'
  lane[what] = lane[what] + 1
  deliveries[id] = (deliveries[id] or 0) + 1
  gone[#gone + 1] = member
  goneOf[#gone] = id
  if died then
    deaths[id] = (deaths[id] or 0) + 1
  end
end

-- Its fields and its lane; nil: there is nothing to settle.
local function leave(member, died)
  local hash = P .. 'e:' .. member
  local its = call('HMGET', hash, 's', 'n', 'i', 'k', 'y', 't', 'j')
  if its[1] ~= 'w' then
    return nil
  end
  takeOut(member, its[2], its[4])
  call('HSET', hash, 's', died and 'x' or 'd')
  local lane = sourceOf(its[2])
  local id = deliveryOf(its[3])
  left(member, lane, id, died)
  if its[5] then
    replayLeft(member, its[5], died, at)
  end
  return its, lane, id
end

-- Most are plain events that are leased: their lease says all that is needed, and they are taken out together.
local delivered = tonumber(A(2))
local others = {}
for from = 1, delivered, 1000 do
  local members = {}
  for one = from, math.min(from + 999, delivered) do
    members[#members + 1] = A(2 + one)
  end
  local texts = call('HMGET', P .. 'leases', unpack(members))
  for one, member in ipairs(members) do
    local n, id = leasedDelivery(texts[one])
    local lane = n and sourceOf(n)
    if lane and lane.route == 'event' and not lane[member] then
      lane[member] = true
      call('HSET', P .. 'e:' .. member, 's', 'd')
      lane.members[#lane.members + 1] = member
      left(member, lane, id, nil)
    else
      others[#others + 1] = member
    end
  end
end
for n, lane in pairs(sources) do
  if #lane.members > 0 then
    many('ZREM', P .. 'o:' .. n, lane.members)
    many('ZREM', P .. 'leased', lane.members)
    many('HDEL', P .. 'leases', lane.members)
    countLater(P .. 'waiting', n, -#lane.members)
    touch(n)
  end
end
for _, member in ipairs(others) do
  leave(member, nil)
end
local place = 3 + delivered
while A(place) do
  local member, reason, message = A(place), A(place + 2), A(place + 3)
  local its, lane, id = leave(member, reason .. ': ' .. message)
  if its then
    local facts = call('HGET', P .. 'd:' .. id, 'f')
    local known = facts and cjson.decode(facts)
    local type = known and known[3] ~= cjson.null and known[3] or nil
    local receivedAt = known and receiptOf(facts) or at
    local json = A(place + 5) ~= '' and A(place + 5) or its[7]
    local destination = A(place + 4) ~= '' and A(place + 4) or lane.destination
    local letter = { id = A(place + 1), kind = 'event', reason = reason, message = message, destination = destination, json = json, attempts = A(place + 6) }
    local key = its[4] and string.match(its[4], ' (.*)$')
    local event = { position = member, id = its[3], time = its[6], route = lane.route, key = key }
    bury(letter, { source = lane.source, delivery = id, type = type, receivedAt = receivedAt }, event, at)
  end
  place = place + 7
end
local nowSettled, orphans = {}, {}
for id, settled in pairs(deliveries) do
  local hash = P .. 'd:' .. id
  local waits = call('HGET', hash, 'w')
  if waits then
    local waiting = tonumber(waits) - settled
    -- Most have one event; numbers become text slowly.
    call('HSET', hash, 'w', waiting == 0 and '0' or num(waiting), 't', at)
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
  for one, member in ipairs(gone) do
    if orphans[goneOf[one]] then
      freed = freed + call('HSTRLEN', P .. 'e:' .. member, 'j') + eventBytes
      call('DEL', P .. 'e:' .. member)
    end
  end
  grown(-freed)
end
for _, lane in pairs(sources) do
  counted('delivered', lane.source, lane.delivered)
  counted('dead', lane.source, lane.dead)
end
return { ready() }
