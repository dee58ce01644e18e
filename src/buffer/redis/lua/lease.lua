-- Events to be sent. A(1) token of this lease, A(2) how long in ms, A(3) bytes of JSON, A(4) destination, A(5) route, A(6) '' or: only those whose own
-- time is before this, A(7) so many of these, A(8) leases at once; then in turn: source, how many.
-- Answers ready counts; runs of events of one source (source, how many, …); of each event its position and text; of those that were sent in
-- vain, position and how often; and of updates, in the same order, key and '1' when it was begun.
local carried = carriedAway()
if carried then
  return carried
end
local time = now()
local token, leaseMs, bytesMax = A(1), tonumber(A(2)), tonumber(A(3))
local destination, route = A(4), A(5)
expire(time)
-- The relay gave this lease up before it came here: nobody would know of it.
if call('GET', P .. 'lease:' .. token) == 'void' or call('ZCARD', P .. 'leased') >= tonumber(A(8)) then
  return { ready() }
end
local flat, runs, tries, keys, bytes, full = {}, {}, {}, {}, 0, false
-- By lane: what was taken, and how much of it from the front of what is ready.
local taken, fronts = {}, {}

-- So many are read by one command.
local chunk = 500

-- Takes of these, in this order, until one does not fit any more; the first one always does, or a large one would wait for ever. Answers
-- how many it took.
local function put(n, source, members)
  local took = 0
  for from = 1, #members, chunk do
    local texts, counted = {}, {}
    local to = math.min(from + chunk - 1, #members)
    for at = from, to do
      texts[#texts + 1] = P .. 'e:' .. members[at]
    end
    texts = call('MGET', unpack(texts))
    counted = call('HMGET', P .. 'attempts', unpack(members, from, to))
    local of = taken[n] or {}
    taken[n] = of
    for at = from, to do
      local member, text = members[at], texts[at - from + 1]
      local size = #text - string.find(text, '\n', 1, true)
      if #flat > 0 and bytes + size > bytesMax then
        full = true
        break
      end
      bytes = bytes + size
      flat[#flat + 1] = member
      flat[#flat + 1] = text
      if counted[at - from + 1] then
        tries[#tries + 1] = member
        tries[#tries + 1] = counted[at - from + 1]
      end
      of[#of + 1] = member
      took = took + 1
    end
    if full then
      break
    end
  end
  if took > 0 then
    runs[#runs + 1] = source
    runs[#runs + 1] = took
  end
  return took
end

local function turn(source, most)
  local n = most > 0 and findLane(destination .. '\31' .. route .. '\31' .. source)
  if n then
    local front = fronts[n] or 0
    fronts[n] = front + put(n, source, call('ZRANGE', P .. 'q:' .. n, front, front + most - 1))
  end
end

-- Over the lanes of all sources; those that are leased already are passed over, a bounded number of them.
local function older(before, most)
  local found = {}
  for _, name in ipairs(call('HVALS', P .. 'lanes')) do
    local of, by, source = laneParts(name)
    if of == destination and by == route then
      local n = findLane(name)
      local from, mine, last, enough = 0, 0, nil, false
      while not enough and from < 20000 do
        local rows = call('ZRANGEBYSCORE', P .. 'o:' .. n, '-inf', '(' .. before, 'WITHSCORES', 'LIMIT', from, 500)
        for at = 1, #rows, 2 do
          -- All of one time: Redis gives these as words, 10 before 9.
          enough = mine >= most and rows[at + 1] ~= last
          if enough then
            break
          elseif call('ZSCORE', P .. 'q:' .. n, rows[at]) then
            mine, last = mine + 1, rows[at + 1]
            found[#found + 1] = { tonumber(last), tonumber(rows[at]), rows[at], n, source }
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
    if put(found[at][4], found[at][5], { found[at][3] }) == 0 then
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

if route ~= 'event' then
  for at = 1, #flat, 2 do
    keys[at] = string.match(call('HGET', P .. 'keyed', flat[at]) or '', ' (.*)$') or ''
    keys[at + 1] = call('HGET', P .. 'begun', flat[at]) or ''
  end
end
for n, members in pairs(taken) do
  if #members == 0 then
    taken[n] = nil
  elseif fronts[n] then
    call('ZREMRANGEBYRANK', P .. 'q:' .. n, 0, fronts[n] - 1)
  else
    many('ZREM', P .. 'q:' .. n, members)
  end
  touch(n)
end
writeLease(token, taken, num(time + leaseMs))
return { ready(), runs, flat, tries, keys }
