-- Leases: each a record of what it took, by its token, which begins with the id of the relay that holds it and is another one each time.
-- A waiting event is in one record, or ready, or behind an older one of its key. A record may also name events that have left. Needs lanes.lua.

-- Events looked at when leases end, in one script: about 5 ms.
local endedMax = 2000

-- A record: `<lane>:<positions>;` of each lane.
local function leaseText(taken)
  local parts = {}
  for n, members in pairs(taken) do
    parts[#parts + 1] = n .. ':' .. table.concat(members, ' ') .. ';'
  end
  return table.concat(parts)
end

-- Of each lane, by number, the events of a record that wait; and how many it names.
local function leasedOf(token)
  local found, named = {}, 0
  for n, list in string.gmatch(call('GET', P .. 'lease:' .. token) or '', '(%d+):([^;]*);') do
    local members, waiting = {}, {}
    for member in string.gmatch(list, '%d+') do
      members[#members + 1] = member
    end
    named = named + #members
    for from = 1, #members, 1000 do
      local to = math.min(from + 999, #members)
      local there = call('ZMSCORE', P .. 'o:' .. n, unpack(members, from, to))
      for at = from, to do
        if there[at - from + 1] then
          waiting[#waiting + 1] = members[at]
        end
      end
    end
    found[n] = waiting
  end
  return found, named
end

local function dropLease(token)
  call('DEL', P .. 'lease:' .. token)
  call('ZREM', P .. 'leased', token)
end

local function writeLease(token, taken, ends)
  if next(taken) == nil then
    dropLease(token)
    return
  end
  call('SET', P .. 'lease:' .. token, leaseText(taken))
  call('ZADD', P .. 'leased', ends, token)
end

-- These are ready again, before later ones. Written at once: others of the same script may look.
local function putBack(taken)
  for n, members in pairs(taken) do
    local scored = {}
    for at, member in ipairs(members) do
      scored[2 * at - 1], scored[2 * at] = member, member
    end
    many('ZADD', P .. 'q:' .. n, scored)
    touch(n)
  end
end

-- Answers how many events it named.
local function endLease(token)
  local waiting, named = leasedOf(token)
  putBack(waiting)
  dropLease(token)
  return named
end

-- Leases whose end has come: their events are ready again, at their own places. A bounded number.
local function expire(time)
  local count = 0
  while count < endedMax do
    local token = call('ZRANGEBYSCORE', P .. 'leased', '-inf', num(time), 'LIMIT', 0, 1)[1]
    if not token then
      return
    end
    count = count + 1 + endLease(token)
  end
end

-- What is asked of leases, from A(first) on: token, how many, positions, and so on. `visit(token, asked, others, missing)`: by lane those of the record that
-- are asked for and those that are not, and a list of what is asked for and not in it.
local function eachLease(first, visit)
  local at = first
  while A(at) do
    local token, last = A(at), at + 1 + tonumber(A(at + 1))
    local wanted = {}
    for one = at + 2, last do
      wanted[A(one)] = true
    end
    local asked, others, missing = {}, {}, {}
    for n, members in pairs(leasedOf(token)) do
      for _, member in ipairs(members) do
        local side = wanted[member] and asked or others
        side[n] = side[n] or {}
        side[n][#side[n] + 1] = member
        wanted[member] = nil
      end
    end
    for member in pairs(wanted) do
      missing[#missing + 1] = member
    end
    visit(token, asked, others, missing)
    at = last + 1
  end
end

local function everyMember(taken)
  local all = {}
  for _, members in pairs(taken) do
    for _, member in ipairs(members) do
      all[#all + 1] = member
    end
  end
  return all
end
