-- Who sends to which project, and what the senders noted (../../sendership.ts). A(1) ms that a sender is one without asking, A(2) ms that a relay is
-- here before another gives way to it; then of each project: its name, what the relay wants ('send', 'leave', or the relay to give it to), how many
-- notes, and of each note destination, age in ms, text.
-- Answers of each project: 'this', 'new' (this, since now) or 'another', the relay to give it to or '', then of each note destination, age, text.
local time = now()
local ttl, steady = tonumber(A(1)), tonumber(A(2))
local forgottenMs, notedMs = 86400000, 604800000

-- The relays that were heard of, and how many projects each sends to.
local relays, held = {}, {}
local listed = call('HGETALL', P .. 'relays')
for at = 1, #listed, 2 do
  local since, seen, wants = string.match(listed[at + 1], '^(%d+) (%d+) (.*)$')
  local relay = listed[at]
  if tonumber(seen) > time then
    -- The clock of Redis went back.
    since, seen = num(time), num(time)
    call('HSET', P .. 'relays', relay, since .. ' ' .. seen .. ' ' .. wants)
  end
  if seen + ttl > time then
    relays[relay] = { since = tonumber(since), wants = wants }
    held[relay] = 0
  else
    call('HDEL', P .. 'relays', relay)
  end
end
held[holder] = held[holder] or 0
local senders = {}
listed = call('HGETALL', P .. 'senders')
for at = 1, #listed, 2 do
  local ends, relay = string.match(listed[at + 1], '^(%d+) (%S+)$')
  local counted = math.min(tonumber(ends), time + ttl)
  if counted < tonumber(ends) then
    -- It went back here, too: from now on, not from then.
    call('HSET', P .. 'senders', listed[at], num(counted) .. ' ' .. relay)
  end
  senders[listed[at]] = { ends = counted, relay = relay }
  if counted > time and held[relay] then
    held[relay] = held[relay] + 1
  elseif counted + forgottenMs < time then
    call('HDEL', P .. 'senders', listed[at])
  end
end

local function make(relay, project)
  senders[project] = { ends = time + ttl, relay = relay }
  call('HSET', P .. 'senders', project, num(time + ttl) .. ' ' .. relay)
end

-- What is asked.
local asked, wanted, at = {}, '', 1
while A(at + 2) do
  local one = { project = A(at + 2), want = A(at + 3), notes = {} }
  local notes = tonumber(A(at + 4))
  for note = 1, notes do
    local from = at + 2 + note * 3
    one.notes[note] = { destination = A(from), age = tonumber(A(from + 1)), text = A(from + 2) }
  end
  at = at + 3 + notes * 3
  asked[#asked + 1] = one
  if one.want ~= 'leave' then
    wanted = wanted .. ' ' .. one.project .. ' '
  end
end
local since = relays[holder] and relays[holder].since or time
relays[holder] = { since = since, wants = wanted }
if wanted == '' then
  call('HDEL', P .. 'relays', holder)
else
  call('HSET', P .. 'relays', holder, num(since) .. ' ' .. num(time) .. ' ' .. wanted)
end

-- Fewer by two, so that nothing goes to and fro.
local function deserves(relay, project)
  return relays[relay] and held[holder] >= held[relay] + 2 and string.find(relays[relay].wants, ' ' .. project .. ' ', 1, true)
end

local given = false

-- What one project comes to: 'this', 'new' or 'another'.
local function conclude(one)
  local sender = senders[one.project]
  local mine = sender and sender.relay == holder
  local counted = mine and sender.ends > time
  if mine then
    for _, note in ipairs(one.notes) do
      call('HSET', P .. 'noted:' .. one.project, note.destination, num(time - note.age) .. ' ' .. note.text)
      call('PEXPIRE', P .. 'noted:' .. one.project, notedMs)
    end
  end
  if one.want == 'leave' then
    if mine then
      senders[one.project] = nil
      call('HDEL', P .. 'senders', one.project)
      held[holder] = held[holder] - (counted and 1 or 0)
    end
    return 'another'
  end
  if sender and sender.ends > time and not mine then
    return 'another'
  end
  if one.want ~= 'send' then
    given = true
    if counted and deserves(one.want, one.project) then
      make(one.want, one.project)
      held[holder] = held[holder] - 1
      return 'another'
    end
  end
  make(holder, one.project)
  held[holder] = held[holder] + (counted and 0 or 1)
  return mine and 'this' or 'new'
end

local answers = {}
for place, one in ipairs(asked) do
  local notes = {}
  local became = conclude(one)
  local noted = call('HGETALL', P .. 'noted:' .. one.project)
  for from = 1, #noted, 2 do
    local wrote, text = string.match(noted[from + 1], '^(%d+) (.*)$')
    notes[#notes + 1] = noted[from]
    notes[#notes + 1] = num(math.max(0, time - tonumber(wrote)))
    notes[#notes + 1] = text
  end
  answers[place] = { became, '', notes }
end

-- One project at a time is given up, for the relay that has least.
local best = nil
for place, one in ipairs(given and {} or asked) do
  for relay, about in pairs(relays) do
    local could = answers[place][1] ~= 'another' and relay ~= holder and about.since + steady <= time
    if could and (not best or held[relay] < held[best.relay]) and deserves(relay, one.project) then
      best = { place = place, relay = relay }
    end
  end
end
if best then
  answers[best.place][2] = best.relay
end
return answers
