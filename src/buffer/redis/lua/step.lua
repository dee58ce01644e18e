-- One step of a replay, or its part in this shard (promise 13). A(1) replay, A(2) from, A(3) to when all is done, A(4) '1' at the end of the selection,
-- A(5) the relay's time, A(6) bytes this shard may hold, headroom included, A(7) bytes that come; then the items, each behind its kind and cursor:
-- failed: message
-- resend: letter, its event as it is to wait (id, destination, route, key, time, JSON)
-- remap: delivery, stand, state (m, s, f), what becomes of its body, the masked body, what is not all well ('' all is), then lists, each behind its length:
--   events that give way, those that wait again, those that wait and stay, letters that go, new events (six fields), new letters (seven fields);
--   how many of the letters that go are about outputs that never were events
-- Answers ready counts, how many items are done, and why not all: '' they are, 'changed' a delivery stands otherwise by now, 'elsewhere' the replay does.
local replay, at = A(1), A(5)
expire(now())
if shards == 1 and not replayStandsAt(replay, A(2)) then
  return { ready(), 0, 'elsewhere' }
end
if not makeRoom(tonumber(A(7)), tonumber(A(6))) then
  return redis.error_reply('FULL what waits fills the buffer and its headroom')
end
local place = 7
local function part()
  place = place + 1
  return A(place)
end
local function list(fields)
  local all = {}
  for one = 1, tonumber(part()) do
    local row = {}
    for field = 1, fields do
      row[field] = part()
    end
    all[one] = row
  end
  return all
end
local function members()
  local all = {}
  for one = 1, tonumber(part()) do
    all[one] = part()
  end
  return all
end

local function done(how, words)
  replayCounted(replay, 'done', 1)
  if how then
    replayCounted(replay, how, 1)
    call('HSET', P .. 'rc:' .. replay, 'leftAt', at)
  end
  if words then
    replayFailure(replay, words, at)
  end
end

-- New events of a source, behind everything that waits; answers their positions and what they weigh.
local function queue(rows, source, item)
  local all, weight = {}, 0
  local first = #rows > 0 and take('e', #rows, 0)
  for one, row in ipairs(rows) do
    local event = { id = row[1], destination = row[2], key = row[4], time = row[5], json = row[6] }
    local n = makeLane(row[2] .. '\31' .. row[3] .. '\31' .. source)
    all[one] = num(position(first + one - 1))
    weight = weight + addEvent(all[one], n, event, at, false)
  end
  return all, weight
end

-- Answers by how much more is kept.
local function dropEvent(member)
  local event = eventOf(member)
  forgetEvent(member)
  return event and -event.bytes or 0
end

-- Where lists look for it: it waits (since now, or still since then), or all is settled.
local function waitsOrNot(id, waiting, receivedAt, still)
  if waiting == 0 then
    call('ZREM', P .. 'open', id)
    call('ZADD', P .. 'settled', receivedAt, id)
  else
    call('ZREM', P .. 'settled', id)
    if still then
      call('ZADD', P .. 'open', 'NX', at, id)
    else
      call('ZADD', P .. 'open', at, id)
    end
  end
end

local function resend(letter, event)
  local its = call('HMGET', P .. 'l:' .. letter, 'p', 's', 'd', 'e', 'k')
  if its[5] ~= 'event' then
    done('failed', letter .. ' is not there any more.')
    return
  end
  local id, source = its[3], its[2]
  local hash = P .. 'd:' .. id
  tellsItself(id)
  local of = call('HMGET', hash, 'w', 'x', 'e', 'f', 'z')
  unbury(letter)
  local weight = 0
  local kept = membersOf(of[3])
  if its[4] and call('EXISTS', P .. 'e:' .. its[4]) == 1 then
    weight = dropEvent(its[4])
  end
  local queued, more = queue({ event }, source)
  weight = weight + more
  if of[1] then
    local runs = {}
    for _, member in ipairs(kept) do
      if member ~= its[4] then
        runs[#runs + 1] = member
      end
    end
    runs[#runs + 1] = queued[1]
    local waiting = tonumber(of[1]) + 1
    call('HSET', hash, 'w', waiting, 'x', math.max(0, tonumber(of[2]) - 1), 'e', runsOf(runs), 'z', num(tonumber(of[5]) + weight))
    waitsOrNot(id, waiting, num(cjson.decode(of[4])[5]), waiting > 1)
  else
    -- It outlived its delivery: settle.lua takes it away again.
    call('ZADD', P .. 'open', 'NX', at, id)
  end
  grown(weight)
  counted('dead', source, -1)
  done()
  replayFollows(replay, its[1], queued, 0, at)
end

-- A delivery in another state: its index, and who counts it.
local function becomes(id, position_, kind, before, state, source, type, receivedAt)
  if before == state then
    return
  end
  call('ZREM', P .. 'kind:' .. before .. ':' .. kind, id)
  call('ZADD', P .. 'kind:' .. state .. ':' .. kind, position_, id)
  local words = { m = 'mapped', s = 'skipped', f = 'failed' }
  counted(words[state], source, 1)
  if before == 'a' then
    call('XACK', P .. 'unmapped', 'map', position_ .. '-0')
    call('XDEL', P .. 'unmapped', position_ .. '-0')
  else
    counted(words[before], source, -1)
  end
  if before == 's' or before == 'f' then
    fallenMended(source, type, before)
  end
  if state ~= 'm' then
    fallenCount(source, type, state, id, receivedAt)
  end
end

-- Waiting or dead, it gives way; answers its state and by how much less is kept.
local function giveWay(member)
  local event = eventOf(member)
  local state = stateOf(member, event)
  if state == 'w' then
    local of = call('HGET', P .. 'replayed', member)
    takeOut(member, event)
    if of then
      replayLeft(member, of, nil, at)
    end
  end
  return state, dropEvent(member)
end

-- False: it does not stand as it did when the new mapping was held against it, and nothing was changed.
local function remap()
  local id, stand, state, bodyBecomes, masked, trouble = part(), part(), part(), part(), part(), part()
  local gone, again, same, letters = members(), members(), members(), members()
  local events, buried, others = list(6), list(7), tonumber(part())
  local known, kept = standing(id)
  if not known then
    done('failed', id .. ' is not kept any more.')
    return true
  end
  if known ~= stand then
    return false
  end
  local hash = P .. 'd:' .. id
  tellsItself(id)
  local its = call('HMGET', hash, 'p', 's', 'k', 'f', 'c', 'w', 'x', 'z')
  local facts = cjson.decode(its[4])
  local source, type, receivedAt = facts[1], facts[3], facts[5]
  if type == cjson.null then
    type = nil
  end
  local created, waiting, dead = -#gone - others, 0, -#again - others
  local weight, left = 0, {}
  for _, member in ipairs(gone) do
    local was, change = giveWay(member)
    weight = weight + change
    left[member] = true
    if was == 'w' then
      waiting = waiting - 1
    else
      dead = dead - 1
    end
  end
  for _, member in ipairs(again) do
    weight = weight + dropEvent(member)
    left[member] = true
  end
  for _, letter in ipairs(letters) do
    unbury(letter)
  end
  local queued, more = queue(events, source)
  weight = weight + more + changeBody(hash, bodyBecomes, masked)
  created, waiting = created + #events - #again, waiting + #events
  for _, row in ipairs(buried) do
    local letter = { id = row[1], kind = row[2], reason = row[3], message = row[4], destination = row[5], json = row[6], attempts = row[7] }
    bury(letter, { source = source, delivery = id, type = type, receivedAt = num(receivedAt) }, nil, at)
    if letter.kind == 'event' then
      created, dead = created + 1, dead + 1
    end
  end
  local runs, waits = {}, {}
  for _, member in ipairs(kept) do
    if not left[member] then
      runs[#runs + 1] = member
    end
  end
  for _, member in ipairs(same) do
    waits[#waits + 1] = member
  end
  for _, member in ipairs(queued) do
    runs[#runs + 1] = member
    waits[#waits + 1] = member
  end
  local nowWaiting = tonumber(its[6] or '0') + waiting
  call('HSET', hash, 's', state, 'c', tonumber(its[5] or '0') + created, 'w', nowWaiting, 'x', tonumber(its[7] or '0') + dead, 'e', runsOf(runs),
    'z', num(tonumber(its[8]) + weight))
  grown(weight)
  waitsOrNot(id, nowWaiting, num(receivedAt), #same > 0)
  counted('created', source, created)
  counted('dead', source, dead)
  becomes(id, its[1], its[3], its[2], state, source, type, receivedAt)
  if #waits > 0 then
    done(nil, trouble ~= '' and trouble or nil)
    replayFollows(replay, its[1], waits, trouble == '' and 0 or 1, at)
  elseif trouble ~= '' then
    done('failed', trouble)
  else
    done(state == 's' and 'nothing' or 'delivered')
  end
  return true
end

-- With several shards the record is not here: how far this one is.
local doneTo = shards > 1 and tonumber(call('GET', P .. 'rp:' .. replay) or '0') or 0
local items, last, why = 0, A(2), ''
while A(place + 1) and why == '' do
  local kind, cursor = part(), part()
  local before = tonumber(cursor) <= doneTo
  if kind == 'failed' then
    local message = part()
    if not before then
      done('failed', message)
    end
  elseif kind == 'resend' then
    local letter, event = part(), { part(), part(), part(), part(), part(), part() }
    if not before then
      resend(letter, event)
    end
  elseif before then
    for _ = 1, 6 do
      part()
    end
    for _ = 1, 4 do
      members()
    end
    list(6)
    list(7)
    part()
  elseif not remap() then
    why = 'changed'
  end
  if why == '' then
    -- What one item has taken out another may put in again.
    flush()
    items, last = items + 1, cursor
  end
end
fallenWrite()
if shards > 1 then
  call('SET', P .. 'rp:' .. replay, num(math.max(doneTo, tonumber(last))))
elseif why == '' then
  replayMoves(replay, A(3), A(4), at)
else
  replayMoves(replay, last, '0', at)
end
return { ready(), items, why }
