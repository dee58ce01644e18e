-- One delivery with what is kept of it. A(1) its id, A(2) how many events and letters at most, A(3) bytes of events' JSON at most.
-- Answers nothing when it is not kept; else its summary, when its last event left, head, body, how many events there are, its events
-- (position, id, lane, time, JSON, state, attempts), its letters and the event positions these are about.
local hash = P .. 'd:' .. A(1)
if call('EXISTS', hash) == 0 then
  return {}
end
local most, bytesMax = tonumber(A(2)), tonumber(A(3))
local about = {}
summary(about, A(1))
local its = call('HMGET', hash, 't', 'h', 'b', 'e')
local _, lastLeft = waitingOf(A(1), '0', its[1])

local members, count = membersOf(its[4]), 0
local function countFrom(from)
  for start = from, #members, 1000 do
    local keys = {}
    for at = start, math.min(start + 999, #members) do
      keys[#keys + 1] = P .. 'e:' .. members[at]
    end
    count = count + call('EXISTS', unpack(keys))
  end
end

local events, bytes = {}, 0
for at, member in ipairs(members) do
  local event = eventOf(member)
  if event then
    bytes = bytes + #event.json
    if count == most or (count > 0 and bytes > bytesMax) then
      countFrom(at)
      break
    end
    local base = #events
    events[base + 1], events[base + 2], events[base + 3], events[base + 4] = member, event.id, call('HGET', P .. 'lanes', '#' .. event.n), event.time
    events[base + 5], events[base + 6], events[base + 7] = event.json, stateOf(member, event), call('HGET', P .. 'attempts', member) or '0'
    count = count + 1
  end
end

local letters, of = {}, {}
for at, id in ipairs(call('ZRANGE', P .. 'dl:' .. A(1), 0, most - 1)) do
  letterRow(letters, id)
  of[at] = call('HGET', P .. 'l:' .. id, 'e')
end
return { about, lastLeft, its[2], its[3], count, events, letters, of }
