-- What is to be mapped next. A(1) own claims after this position, A(2) what nobody claims after this one, A(3) how many, A(4) bytes of
-- bodies, A(5) claims that were idle so many ms are taken over ('': not this time).
-- Answers own claims up to where were given, how many were taken over, then of each: position, id, facts, head, body.
local ownAfter, freeAfter, limit, bytesMax = tonumber(A(1)), tonumber(A(2)), tonumber(A(3)), tonumber(A(4))
local stream = P .. 'unmapped'
local given, bytes, takenOver, full = {}, 0, 0, false

-- Lost with a failover, or with a FLUSHALL: made anew from the start, for what was committed is known by its state.
local function group(...)
  local answer = redis.pcall(...)
  if type(answer) == 'table' and answer.err and string.find(answer.err, 'NOGROUP', 1, true) then
    call('XGROUP', 'CREATE', stream, 'map', '0', 'MKSTREAM')
    return call(...)
  end
  if type(answer) == 'table' and answer.err then
    error(answer)
  end
  return answer
end

local function entriesOf(answer)
  return answer and answer[1] and answer[1][2] or {}
end

local function positionOf(entry)
  return tonumber(string.match(entry, '^%d+'))
end

-- False: it does not fit any more. One is always given, or a body above the bound would wait for ever.
local function give(entry, id)
  local its = call('HMGET', P .. 'd:' .. id, 's', 'f', 'h', 'b')
  if its[1] ~= 'a' then
    -- Committed before, or gone: after a failover the stream may remember more than is true.
    call('XACK', stream, 'map', entry)
    call('XDEL', stream, entry)
    return true
  end
  if #given >= limit or (#given > 0 and bytes + #its[4] > bytesMax) then
    full = true
    return false
  end
  bytes = bytes + #its[4]
  given[#given + 1] = { positionOf(entry), id, its[2], its[3], its[4] }
  return true
end

local claims = {}
local own = entriesOf(group('XREADGROUP', 'GROUP', 'map', holder, 'COUNT', limit, 'STREAMS', stream, num(ownAfter) .. '-0'))
for _, entry in ipairs(own) do
  claims[#claims + 1] = { positionOf(entry[1]), entry[1], true, entry[2] and entry[2][2] }
end
if A(5) ~= '' then
  for _, pending in ipairs(call('XPENDING', stream, 'map', 'IDLE', A(5), '-', '+', 1000)) do
    if pending[2] ~= holder then
      claims[#claims + 1] = { positionOf(pending[1]), pending[1], false }
    end
  end
  table.sort(claims, function(one, other)
    return one[1] < other[1]
  end)
end

for _, claim in ipairs(claims) do
  local entry, mine = claim[2], claim[3]
  local id = claim[4]
  if not mine then
    local kept = call('XRANGE', stream, entry, entry)[1]
    id = kept and kept[2][2]
  end
  if not id then
    call('XACK', stream, 'map', entry)
  elseif not give(entry, id) then
    break
  elseif mine then
    ownAfter = claim[1]
  else
    call('XCLAIM', stream, 'map', holder, 0, entry, 'JUSTID')
    takenOver = takenOver + 1
  end
end
-- What is ours already lies before what nobody claims.
full = full or #own == limit
while not full and #given < limit do
  local fresh = entriesOf(call('XREADGROUP', 'GROUP', 'map', holder, 'COUNT', math.min(16, limit - #given), 'STREAMS', stream, '>'))
  if #fresh == 0 then
    break
  end
  for _, entry in ipairs(fresh) do
    local p = positionOf(entry[1])
    if p > freeAfter and not full and give(entry[1], entry[2][2]) then
      ownAfter = p
    end
  end
end
table.sort(given, function(one, other)
  return one[1] < other[1]
end)
local flat = { num(ownAfter), takenOver }
for _, one in ipairs(given) do
  flat[#flat + 1] = num(one[1])
  for part = 2, 5 do
    flat[#flat + 1] = one[part]
  end
end
return flat
