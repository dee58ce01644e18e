-- Events to be sent. A(1) token of this lease, A(2) how long in ms, A(3) bytes of JSON, A(4) destination, A(5) route, A(6) '' or: only those whose own
-- time is before this, A(7) so many of these, A(8) leases at once; then in turn: source, how many.
-- Answers ready counts, then of each event: position, id, source, time, since, attempts, JSON, key ('' plain), begun.
local time = now()
local token, leaseMs, bytesMax = A(1), tonumber(A(2)), tonumber(A(3))
local destination, route = A(4), A(5)
expire(time)
-- The relay gave this lease up before it came here: nobody would know of it.
if call('GET', P .. 'taken:' .. token) == 'void' then
  return { ready() }
end
local left = tonumber(A(8)) - call('ZCARD', P .. 'leased')
local flat, taken, bytes, count, full = {}, {}, 0, 0, false

-- False: it does not fit any more. The first one always does, or a large one would wait for ever.
local function put(n, source, member)
  local its = call('HMGET', P .. 'e:' .. member, 'i', 't', 'r', 'a', 'j', 'k', 'g')
  local size = #its[5]
  if count >= left or (count > 0 and bytes + size > bytesMax) then
    full = true
    return false
  end
  bytes = bytes + size
  local key = its[6] and string.match(its[6], ' (.*)$') or ''
  local base = count * 9
  flat[base + 1], flat[base + 2], flat[base + 3], flat[base + 4], flat[base + 5] = member, its[1], source, its[2], its[3]
  flat[base + 6], flat[base + 7], flat[base + 8], flat[base + 9] = its[4] or '0', its[5], key, its[7] or ''
  count = count + 1
  local of = taken[n] or {}
  taken[n] = of
  of[#of + 1] = member
  return true
end

local function turn(source, most)
  local n = most > 0 and findLane(destination .. '\31' .. route .. '\31' .. source)
  if n then
    for _, member in ipairs(call('ZRANGE', P .. 'q:' .. n, 0, most - 1)) do
      if not put(n, source, member) then
        return
      end
    end
  end
end

-- Over the lanes of all sources; those that are leased already are passed over, a bounded number of them.
local function older(before, most)
  local found = {}
  for _, name in ipairs(call('HVALS', P .. 'lanes')) do
    local of, by, source = laneParts(name)
    if of == destination and by == route then
      local n = findLane(name)
      local from = 0
      local mine = 0
      while mine < most and from < 20000 do
        local rows = call('ZRANGEBYSCORE', P .. 'o:' .. n, '-inf', '(' .. before, 'WITHSCORES', 'LIMIT', from, 500)
        for at = 1, #rows, 2 do
          if mine < most and call('ZSCORE', P .. 'q:' .. n, rows[at]) then
            mine = mine + 1
            found[#found + 1] = { tonumber(rows[at + 1]), tonumber(rows[at]), rows[at], n, source }
          end
        end
        from = from + 500
        if #rows < 1000 then
          break
        end
      end
    end
  end
  table.sort(found, function(one, other)
    if one[1] ~= other[1] then
      return one[1] < other[1]
    end
    return one[2] < other[2]
  end)
  for at = 1, math.min(most, #found) do
    if not put(found[at][4], found[at][5], found[at][3]) then
      return
    end
  end
end

if A(6) ~= '' then
  older(A(6), tonumber(A(7)))
else
  local at = 9
  while A(at) and not full do
    turn(A(at), tonumber(A(at + 1)))
    at = at + 2
  end
end

local ends = num(time + leaseMs)
local all = {}
for n, members in pairs(taken) do
  many('ZREM', P .. 'q:' .. n, members)
  local leased, leases = {}, {}
  for at, member in ipairs(members) do
    leased[2 * at - 1], leased[2 * at] = ends, member
    leases[2 * at - 1], leases[2 * at] = member, n .. ' ' .. token
    all[#all + 1] = member
  end
  many('ZADD', P .. 'leased', leased)
  many('HSET', P .. 'leases', leases)
  touch(n)
end
-- So that the relay can give back what it never heard of.
if count > 0 then
  call('SET', P .. 'taken:' .. token, table.concat(all, ' '), 'PX', leaseMs)
end
return { ready(), flat }
