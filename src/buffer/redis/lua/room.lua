-- What is kept beyond need, and how it goes: settled deliveries with all they became first, then the bodies of those that were mapped
-- and wait for their events, then dead letters. Oldest first, a bounded piece at a time. Needs letters.lua and events.lua.

-- About 3 ms.
local rowsPerPiece = 100
local eventsPerPiece = 500
local lettersLookedAt = 100

-- Every counter of the runs in a delivery's field `e`.
local function eachEvent(runs, visit)
  for first, count in string.gmatch(runs or '', '(%d+):(%d+)') do
    for counter = tonumber(first), tonumber(first) + tonumber(count) - 1 do
      visit(num(position(counter)))
    end
  end
end

-- The delivery and its events, whatever state they are in; answers how many events there were.
local function dropDelivery(id)
  local hash = P .. 'd:' .. id
  local its = call('HMGET', hash, 'k', 's', 'e', 'z')
  local events = 0
  eachEvent(its[3], function(member)
    events = events + 1
    forgetEvent(member)
  end)
  call('DEL', hash)
  removeLater('HDEL', P .. 'left', id)
  removeLater('ZREM', P .. 'deliveries', id)
  removeLater('ZREM', P .. 'received', id)
  removeLater('ZREM', P .. 'settled', id)
  if its[1] then
    removeLater('ZREM', P .. 'kind:' .. its[2] .. ':' .. its[1], id)
    grown(-tonumber(its[4]))
  end
  return events
end

-- Settled ones received up to `before`, until `enough()`; answers how many went.
local function dropSettled(before, enough)
  local events, rows = 0, 0
  for _, id in ipairs(call('ZRANGEBYSCORE', P .. 'settled', '-inf', before, 'LIMIT', 0, rowsPerPiece)) do
    if enough() or events > eventsPerPiece then
      break
    end
    events = events + dropDelivery(id)
    rows = rows + 1
  end
  flush()
  return rows
end

-- Bodies of what was mapped and still waits: only a replay would want them.
local function dropBodies()
  -- Where the last piece ended; at the end it starts anew.
  local from = call('HGET', P .. 'meta', 'bodiesFrom') or '-inf'
  local rows = call('ZRANGEBYSCORE', P .. 'deliveries', from, '+inf', 'WITHSCORES', 'LIMIT', 0, rowsPerPiece)
  for at = 1, #rows, 2 do
    local hash = P .. 'd:' .. rows[at]
    if call('HGET', hash, 's') ~= 'a' then
      local freed = call('HSTRLEN', hash, 'b') + call('HSTRLEN', hash, 'h')
      if freed > 0 then
        call('HDEL', hash, 'b', 'h')
        call('HINCRBY', hash, 'z', -freed)
        grown(-freed)
      end
    end
  end
  if #rows == 0 then
    call('HDEL', P .. 'meta', 'bodiesFrom')
  else
    call('HSET', P .. 'meta', 'bodiesFrom', '(' .. rows[#rows])
  end
end

local function dropLetters()
  local ids = call('ZRANGE', P .. 'letters', 0, lettersLookedAt - 1)
  for _, id in ipairs(ids) do
    unbury(id)
  end
  return #ids
end

local function bytesKept()
  return tonumber(call('HGET', P .. 'meta', 'bytes') or '0')
end

-- True when so many bytes more are within the bound, perhaps after history gave way: one piece of each kind at most.
local function makeRoom(bytes, bytesMax)
  local function fits()
    return bytesKept() + bytes <= bytesMax
  end
  if fits() then
    return true
  end
  dropSettled('+inf', fits)
  if not fits() then
    dropBodies()
  end
  if not fits() then
    dropLetters()
  end
  return fits()
end
