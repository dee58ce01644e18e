-- Events that were kept elsewhere, in any order: of each counter, id, delivery, lane, destination, key ('' none), time, JSON, state (w, d, x), since, attempts,
-- '1' when begun, replay ('' none), its item, how many of that wait, how many are dead. One that is there is passed over.
local total = 0

-- An update that came before an older one of its key had its turn too early.
local function turnGoesTo(own, member)
  local two = call('ZRANGE', P .. 'u:' .. own, 0, 1)
  if two[1] == member and two[2] then
    local its = eventOf(two[2])
    removeLater('ZREM', P .. 'q:' .. its.n, two[2])
    removeLater('ZREM', P .. 'o:' .. its.n, two[2])
    touch(its.n)
  end
end

local function add(member, n, at)
  local event = { id = A(at + 1), destination = A(at + 4), key = A(at + 5), time = A(at + 6), json = A(at + 7) }
  local state, since = A(at + 8), A(at + 9)
  if state ~= 'w' then
    if state == 'x' then
      call('SADD', P .. 'died', member)
    end
    return keepEvent(member, n, since, event, false)
  end
  local weight, own = addEvent(member, n, event, since, false), event.key
  if own ~= '' then
    turnGoesTo(A(at + 4) .. ' ' .. own, member)
  end
  local replay, item = A(at + 12), A(at + 13)
  if replay ~= '' then
    call('HSET', P .. 'replayed', member, replay .. ' ' .. item)
    call('HSET', P .. 'ri:' .. replay, item, A(at + 14) .. ' ' .. A(at + 15))
    call('HINCRBY', P .. 'rc:' .. replay, 'waiting', 1)
  end
  return weight
end

for at = 1, #ARGV - 4, 16 do
  local member = num(position(tonumber(A(at))))
  local delivery = A(at + 2)
  if call('EXISTS', P .. 'e:' .. member) == 0 then
    local weight = add(member, makeLane(A(at + 3)), at)
    if A(at + 10) ~= '0' then
      call('HSET', P .. 'attempts', member, A(at + 10))
    end
    if A(at + 11) == '1' then
      call('HSET', P .. 'begun', member, '1')
    end
    if call('EXISTS', P .. 'd:' .. delivery) == 1 then
      call('HINCRBY', P .. 'd:' .. delivery, 'z', weight)
    elseif A(at + 8) == 'w' then
      -- It outlived its delivery: settle.lua takes it away again.
      call('ZADD', P .. 'open', 'NX', A(at + 9), delivery)
    end
    total = total + weight
  end
end
grown(total)
return { ready() }
