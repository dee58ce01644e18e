-- Events to be sent. A(1) token of this lease, A(2) how long in ms, A(3) bytes of JSON, A(4) destination, A(5) route, A(6) '' or: only those whose own
-- time is before this, A(7) so many of these, A(8) leases at once; then in turn: source, how many.
-- Answers ready counts; runs of events of one source (source, how many, …); then of each event: position, id, time, since, attempts, JSON,
-- and of an update its key and '1' when it was begun.
local carried = carriedAway()
if carried then
  return carried
end
local time = now()
local token, leaseMs, bytesMax = A(1), tonumber(A(2)), tonumber(A(3))
local destination, route = A(4), A(5)
expire(time)
-- The relay gave this lease up before it came here: nobody would know of it.
if call('GET', P .. 'taken:' .. token) == 'void' then
  return { ready() }
end
local left = tonumber(A(8)) - call('ZCARD', P .. 'leased')
local flat, runs, taken, bytes, count, full = {}, {}, {}, 0, 0, false

-- False: it does not fit any more. The first one always does, or a large one would wait for ever.
local function put(n, source, member)
  local its = route == 'event' and call('HMGET', P .. 'e:' .. member, 'i', 't', 'r', 'a', 'j', 'y')
    or call('HMGET', P .. 'e:' .. member, 'i', 't', 'r', 'a', 'j', 'y', 'k', 'g')
  local size = #its[5]
  if count >= left or (count > 0 and bytes + size > bytesMax) then
    full = true
    return false
  end
  bytes = bytes + size
  local at = #flat
  flat[at + 1], flat[at + 2], flat[at + 3], flat[at + 4], flat[at + 5], flat[at + 6] = member, its[1], its[2], its[3], its[4] or '0', its[5]
  if route ~= 'event' then
    flat[at + 7], flat[at + 8] = string.match(its[7] or '', ' (.*)$') or '', its[8] or ''
  end
  if runs[#runs - 1] == source then
    runs[#runs] = runs[#runs] + 1
  else
    runs[#runs + 1] = source
    runs[#runs + 1] = 1
  end
  count = count + 1
  local of = taken[n] or {}
  taken[n] = of
  of[#of + 1] = member
  of[#of + 1] = leaseText(n, token, its[1], its[6])
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
  local leased, gone = {}, {}
  for at = 1, #members, 2 do
    leased[at], leased[at + 1] = ends, members[at]
    gone[#gone + 1] = members[at]
    all[#all + 1] = members[at]
  end
  many('ZREM', P .. 'q:' .. n, gone)
  many('ZADD', P .. 'leased', leased)
  many('HSET', P .. 'leases', members)
  touch(n)
end
-- So that the relay can give back what it never heard of.
if count > 0 then
  call('SET', P .. 'taken:' .. token, table.concat(all, ' '), 'PX', leaseMs)
end
return { ready(), runs, flat }
