-- Deliveries in. A(1) the highest position known, A(2) retention of keys in ms, A(3) bytes this shard may keep, A(4) bytes of a row; then of
-- each delivery: id, source, hash of its key ('' none), receivedAt, facts, its type (`-` none, `=type`), head, body.
-- Answers the highest position given, then of each '' (accepted), the first id (duplicate) or 'F' (full).
local carried = carriedAway()
if carried then
  return carried
end
local keepMs, bytesMax, rowBytes = tonumber(A(2)), tonumber(A(3)), tonumber(A(4))
local count = (#ARGV - 8) / 8
local answers, last = {}, {}
local total, room, noRoom = 0, nil, false
-- The counters of all are taken at once; what is not used is a gap, and gaps are allowed.
local first = take('p', count, tonumber(A(1)))

-- The id of the first with this key; nil: this is the first, and is written down as such.
local function seenBefore(key, receivedAt, id)
  local before = call('SET', key, receivedAt .. ' ' .. id, 'PX', keepMs, 'NX', 'GET')
  local at, firstId = string.match(before or '', '^(%d+) (.+)$')
  if not at or tonumber(receivedAt) - tonumber(at) >= keepMs then
    if at then
      call('SET', key, receivedAt .. ' ' .. id, 'PX', keepMs)
    end
    return nil
  end
  return firstId
end

local function add(counter, id, source, receivedAt, facts, type, head, body, weight)
  local p = num(position(counter))
  local kind = kindOf(source, type)
  call('HSET', P .. 'd:' .. id, 'p', p, 'f', facts, 'h', head, 'b', body, 's', 'a', 'k', kind, 'z', num(weight))
  addLater(P .. 'deliveries', p, id)
  addLater(P .. 'received', receivedAt, id)
  addLater(P .. 'kind:a:' .. kind, p, id)
  call('XADD', P .. 'unmapped', p .. '-0', 'd', id)
  counted('accepted', source, 1)
  last[source] = receivedAt
  total = total + weight
end

for one = 1, count do
  local at = 4 + (one - 1) * 8
  local id, source, hashed, receivedAt = A(at + 1), A(at + 2), A(at + 3), A(at + 4)
  local facts, type, head, body = A(at + 5), A(at + 6), A(at + 7), A(at + 8)
  local key = P .. 'seen:' .. hashed
  local firstId = hashed ~= '' and seenBefore(key, receivedAt, id)
  if firstId then
    answers[one] = firstId
    counted('duplicates', source, 1)
  else
    local weight = rowBytes + #facts + #head + #body
    room = room or bytesMax - bytesKept()
    if room < total + weight and not noRoom then
      noRoom = not makeRoom(total + weight, bytesMax)
      room = bytesMax - bytesKept()
    end
    if room < total + weight then
      answers[one] = 'F'
      if hashed ~= '' then
        call('DEL', key)
      end
    else
      answers[one] = ''
      add(first + one - 1, id, source, receivedAt, facts, type, head, body, weight)
    end
  end
end
for source, at in pairs(last) do
  call('HSET', P .. 'tally', 'lastAcceptedAt ' .. source, at)
end
flush()
grown(total)
return { num(position(first + count - 1)), answers }
