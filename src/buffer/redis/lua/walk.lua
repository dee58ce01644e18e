-- Several sorted sets of positions, walked as if they were one: newest first (`down`) or oldest first. Held are a few rows of each.
-- visit(id, position, key) answers true to end the walk. Positions lie between `low` and `high`, as ZRANGEBYSCORE takes them.
local walkChunkMax = 256
-- Called with the ids of each few rows that were read, when something is to be known of all of them: one call costs as much as one row.
local walkReads = nil

local function walkRefill(stream, low, high, down)
  local edge = stream.last and '(' .. stream.last
  if down then
    stream.rows = call('ZREVRANGEBYSCORE', stream.key, edge or high, low, 'WITHSCORES', 'LIMIT', 0, stream.chunk)
  else
    stream.rows = call('ZRANGEBYSCORE', stream.key, edge or low, high, 'WITHSCORES', 'LIMIT', 0, stream.chunk)
  end
  stream.at, stream.more = 1, #stream.rows == 2 * stream.chunk
  if walkReads and stream.rows[1] then
    local ids = {}
    for at = 1, #stream.rows, 2 do
      ids[#ids + 1] = stream.rows[at]
    end
    walkReads(ids)
  end
  -- Of one set among many few rows are met.
  stream.chunk = math.min(walkChunkMax, 4 * stream.chunk)
end

-- False: it is at its end.
local function walkStep(stream, low, high, down)
  if not stream.rows or (stream.more and not stream.rows[stream.at]) then
    walkRefill(stream, low, high, down)
  end
  local id = stream.rows[stream.at]
  if not id then
    return false
  end
  stream.id, stream.last = id, stream.rows[stream.at + 1]
  local position = tonumber(stream.last)
  stream.order = down and -position or position
  stream.at = stream.at + 2
  return true
end

-- Puts heap[at] at its place among those below it; the least order is at the top.
local function walkSink(heap, at)
  local one = heap[at]
  while true do
    local child = 2 * at
    if not heap[child] then
      break
    end
    if heap[child + 1] and heap[child + 1].order < heap[child].order then
      child = child + 1
    end
    if one.order <= heap[child].order then
      break
    end
    heap[at] = heap[child]
    at = child
  end
  heap[at] = one
end

local function walk(keys, low, high, down, visit)
  local heap = {}
  for _, key in ipairs(keys) do
    local stream = { key = key, chunk = #keys == 1 and walkChunkMax or 1 }
    if walkStep(stream, low, high, down) then
      heap[#heap + 1] = stream
    end
  end
  for at = math.floor(#heap / 2), 1, -1 do
    walkSink(heap, at)
  end
  while heap[1] do
    local first = heap[1]
    if visit(first.id, math.abs(first.order), first.key) then
      return
    end
    if not walkStep(first, low, high, down) then
      heap[1] = heap[#heap]
      heap[#heap] = nil
    end
    if heap[1] then
      walkSink(heap, 1)
    end
  end
end
