-- Lanes: one for each destination, route and source, by number; how many are ready in those that were touched.
local laneNumbers, touched = {}, {}

-- The number of a lane, as text; nil: there is none.
local function findLane(name)
  local known = laneNumbers[name]
  if known == nil then
    known = call('HGET', P .. 'lanes', name)
    laneNumbers[name] = known
  end
  return known or nil
end

local function makeLane(name)
  local known = findLane(name)
  if known then
    return known
  end
  local n = num(call('HINCRBY', P .. 'meta', 'n', 1))
  call('HSET', P .. 'lanes', name, n, '#' .. n, name)
  laneNumbers[name] = n
  return n
end

local function laneName(n)
  return call('HGET', P .. 'lanes', '#' .. n)
end

local function laneParts(name)
  return string.match(name, '^([^\31]*)\31([^\31]*)\31(.*)$')
end

local function touch(n)
  touched[n] = true
end

-- The first part of the answer of every script that touches lanes: name, ready, name, ready, … What was gathered is written first.
local function ready()
  flush()
  local counts = {}
  for n in pairs(touched) do
    counts[#counts + 1] = laneName(n)
    counts[#counts + 1] = call('ZCARD', P .. 'q:' .. n)
  end
  return counts
end

-- One event (or update whose turn it is) is ready.
local function enqueue(n, member, time)
  addLater(P .. 'q:' .. n, member, member)
  addLater(P .. 'o:' .. n, time, member)
  touch(n)
end
