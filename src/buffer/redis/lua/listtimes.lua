-- Deliveries of a time range, by time of receipt and then id, newest first. A(1) since, A(2) until ('' none), A(3) and A(4) below this time and id ('' none),
-- A(5) how many, A(6) how many are looked at, A(7) source, A(8) states, A(9) type.
-- Answers time and id below which nothing was looked at ('' all was), then of each as in list.lua.
local since, belowTime, belowId = tonumber(A(1)), tonumber(A(3)), A(4)
local wanted, lookedMax = tonumber(A(5)), tonumber(A(6))
local received = P .. 'received'
local keys, fits, kinds = kindsWhere(A(7), A(8), A(9))
-- Of the kinds asked for so few are all read and sorted; more are dense enough to be met on a walk.
local fewMax = 2000

-- How many are newer than where the page begins: they are passed over, also when the one at its edge is gone.
local function rankOfStart()
  local rank = A(2) == '' and 0 or call('ZCOUNT', received, A(2), '+inf')
  if not belowTime then
    return rank
  end
  local newer = call('ZCOUNT', received, '(' .. A(3), '+inf')
  local low, high = newer, newer + call('ZCOUNT', received, A(3), A(3))
  -- Within one millisecond the ids decide.
  while low < high do
    local middle = math.floor((low + high) / 2)
    if call('ZREVRANGE', received, middle, middle)[1] >= belowId then
      low = middle + 1
    else
      high = middle
    end
  end
  return math.max(rank, low)
end

local function isFew()
  local all = 0
  for _, key in ipairs(keys) do
    all = all + call('ZCARD', key)
    if all > fewMax then
      return false
    end
  end
  return true
end

local function fewSorted()
  local rows = {}
  local before = A(2) == '' and math.huge or tonumber(A(2))
  for _, key in ipairs(keys) do
    for _, id in ipairs(call('ZRANGE', key, 0, -1)) do
      local at = tonumber(call('ZSCORE', received, id) or '-1')
      local below = not belowTime or at < belowTime or (at == belowTime and id < belowId)
      if at >= since and at < before and below and (not fits or fits(id)) then
        rows[#rows + 1] = { at, id }
      end
    end
  end
  table.sort(rows, function(one, other)
    if one[1] ~= other[1] then
      return one[1] > other[1]
    end
    return one[2] > other[2]
  end)
  local flat = {}
  for at = 1, math.min(wanted, #rows) do
    summary(flat, rows[at][2])
  end
  return { '', '', flat }
end

local function isOfKind(id)
  if not kinds then
    return true
  end
  local its = call('HMGET', P .. 'd:' .. id, 's', 'k')
  return its[1] and kinds[its[2]] and string.find(A(8), its[1], 1, true) and (not fits or fits(id))
end

if kinds and isFew() then
  return fewSorted()
end
local flat, found, looked = {}, 0, 0
local rank = rankOfStart()
while true do
  local rows = call('ZREVRANGE', received, rank, rank + 199, 'WITHSCORES')
  for at = 1, #rows, 2 do
    if tonumber(rows[at + 1]) < since then
      return { '', '', flat }
    end
    looked = looked + 1
    if isOfKind(rows[at]) then
      found = found + 1
      summary(flat, rows[at])
    end
    if found == wanted then
      return { '', '', flat }
    end
    if looked == lookedMax then
      return { rows[at + 1], rows[at], flat }
    end
  end
  if #rows < 400 then
    return { '', '', flat }
  end
  rank = rank + 200
end
