-- Events that were kept elsewhere, in any order: of each counter, id, delivery, lane, destination, key ('' none), time, JSON, state (w, d, x), since, attempts,
-- '1' when begun, replay ('' none), its item, how many of that wait, how many are dead. One that is there is passed over.
local total = 0

-- An update that came before an older one of its key had its turn too early.
local function turnGoesTo(own, member)
  local two = call('ZRANGE', P .. 'u:' .. own, 0, 1)
  if two[1] == member and two[2] then
    local n = call('HGET', P .. 'e:' .. two[2], 'n')
    removeLater('ZREM', P .. 'q:' .. n, two[2])
    removeLater('ZREM', P .. 'o:' .. n, two[2])
    touch(n)
  end
end

local function waits(member, n, at)
  local own, since = A(at + 5), A(at + 9)
  addEvent(member, n, { id = A(at + 1), destination = A(at + 4), key = own, time = A(at + 6), json = A(at + 7) }, since)
  if own ~= '' then
    turnGoesTo(A(at + 4) .. ' ' .. own, member)
  end
  local replay, item = A(at + 12), A(at + 13)
  if replay ~= '' then
    call('HSET', P .. 'e:' .. member, 'y', replay .. ' ' .. item)
    call('HSET', P .. 'ri:' .. replay, item, A(at + 14) .. ' ' .. A(at + 15))
    call('HINCRBY', P .. 'rc:' .. replay, 'waiting', 1)
  end
end

for at = 1, #ARGV - 4, 16 do
  local member = num(position(tonumber(A(at))))
  local hash, delivery = P .. 'e:' .. member, A(at + 2)
  if call('EXISTS', hash) == 0 then
    local n = makeLane(A(at + 3))
    if A(at + 8) == 'w' then
      waits(member, n, at)
    else
      call('HSET', hash, 'i', A(at + 1), 'n', n, 't', A(at + 6), 'j', A(at + 7), 'r', A(at + 9), 's', A(at + 8))
    end
    if A(at + 10) ~= '0' then
      call('HSET', hash, 'a', A(at + 10))
    end
    if A(at + 11) == '1' then
      call('HSET', hash, 'g', '1')
    end
    local weight = #A(at + 7) + eventBytes
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
