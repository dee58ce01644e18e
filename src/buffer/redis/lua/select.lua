-- What a replay selects, oldest first, one bounded piece. A(1) along which positions: deliveries; reasons: letters, whose deliveries are meant; letters.
-- A(2) after, A(3) up to ('' no end), A(4) how many, A(5) how many are looked at, A(6) source, A(7) states, A(8) type (`=type`, '' any), A(9) since, A(10) until,
-- A(11) reason, A(12) destination, A(13) '1' only letters of unknown outcome, A(14) '1' they are only counted.
-- Answers where to go on, 1 at the end, how many, then (if not counted only) of each: id (of the delivery, or letter), position.
local space, limit, lookedMax = A(1), tonumber(A(4)), tonumber(A(5))
local low, high = '(' .. A(2), A(3) == '' and '+inf' or A(3)
local countsOnly = A(14) == '1'
local keys, fits, wanted = {}, nil, nil
if space ~= 'letters' then
  keys, fits, wanted = kindsWhere(A(6), A(7), A(8))
end

local since, before = tonumber(A(9)), tonumber(A(10))
local received = {}
if space == 'deliveries' and (since or before) then
  walkReads = function(ids)
    local scores = call('ZMSCORE', P .. 'received', unpack(ids))
    for at, id in ipairs(ids) do
      received[id] = scores[at]
    end
  end
end

local function isInTime(id)
  if not since and not before then
    return true
  end
  local at = tonumber(received[id] or call('ZSCORE', P .. 'received', id) or '')
  return at ~= nil and (not since or at >= since) and (not before or at < before)
end

-- A delivery with several letters of one reason is one item: its first letter stands for it.
local firsts = {}
local function isFirst(letter, id)
  if firsts[id] == nil then
    firsts[id] = false
    for _, other in ipairs(call('ZRANGE', P .. 'dl:' .. id, 0, -1)) do
      if call('HGET', P .. 'l:' .. other, 'r') == A(11) then
        firsts[id] = other
        break
      end
    end
  end
  return firsts[id] == letter
end

-- The delivery that a letter stands for, if it is one that is asked for.
local function deliveryOfLetter(letter)
  local id = call('HGET', P .. 'l:' .. letter, 'd')
  local its = id and call('HMGET', P .. 'd:' .. id, 's', 'k')
  if not its or not its[1] or not string.find(A(7), its[1], 1, true) or (wanted and not wanted[its[2]]) then
    return nil
  end
  if (fits and not fits(id)) or not isInTime(id) or not isFirst(letter, id) then
    return nil
  end
  return id
end

-- The item that stands at a member; nil: it is not asked for.
local function itemOf(member)
  if space == 'deliveries' then
    return isInTime(member) and (not fits or fits(member)) and member or nil
  elseif space == 'reasons' then
    return deliveryOfLetter(member)
  end
  return letterFits(member, 'event', A(12), string.sub(A(8), 2), A(9), A(10)) and member or nil
end

if space == 'reasons' then
  keys = letterKeys(A(6), A(11), nil)
elseif space == 'letters' then
  keys = letterKeys(A(6), A(11), A(13) == '1')
end

if countsOnly and space == 'deliveries' and not fits and A(9) == '' and A(10) == '' then
  local count = 0
  for _, key in ipairs(keys) do
    count = count + call('ZCOUNT', key, low, high)
  end
  return { A(3) == '' and A(2) or A(3), 1, count, {} }
end

local flat, count, looked, cursor, ended = {}, 0, 0, A(3) == '' and A(2) or A(3), 1
walk(keys, low, high, false, function(member, p)
  looked = looked + 1
  local item = itemOf(member)
  if item then
    count = count + 1
    if not countsOnly then
      flat[#flat + 1] = item
      flat[#flat + 1] = num(p)
    end
  end
  if looked == lookedMax or (count == limit and not countsOnly) then
    cursor, ended = num(p), 0
    return true
  end
  return false
end)
return { cursor, ended, count, flat }
