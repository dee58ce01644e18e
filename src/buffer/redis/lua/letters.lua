-- Dead letters, made and taken away. A letter's hash: p position, s source, d delivery, k kind, r reason, m message,
-- o destination, a attempts, c made at, y type and v receipt of its delivery; of an event e position, i id, t time, u route,
-- q key within the destination; j its JSON, z bytes. What is not known is absent.

-- What a letter weighs besides its texts.
local letterBytes = 900

-- `letter`: { id, kind, reason, message, destination, json, attempts }, '' for what is not there; `of`: { source, delivery, type, receivedAt }
-- (type nil: none); `event`: nil, or { position, id, time, route, key }; `p`: its position.
local function layDown(p, letter, of, event, at)
  local hash = P .. 'l:' .. letter.id
  local weight = letterBytes + #letter.message + #letter.json
  call('HSET', hash, 'p', p, 's', of.source, 'd', of.delivery, 'k', letter.kind, 'r', letter.reason, 'm', letter.message,
    'a', letter.attempts, 'c', at, 'v', of.receivedAt, 'z', weight)
  if letter.destination ~= '' then
    call('HSET', hash, 'o', letter.destination)
  end
  if letter.json ~= '' then
    call('HSET', hash, 'j', letter.json)
  end
  if of.type then
    call('HSET', hash, 'y', of.type)
  end
  if event then
    call('HSET', hash, 'e', event.position, 'i', event.id, 't', event.time, 'u', event.route)
    if event.key then
      call('HSET', hash, 'q', event.key)
    end
  end
  call('ZADD', P .. 'letters', p, letter.id)
  call('ZADD', P .. 'lk:' .. of.source .. ':' .. letter.reason, p, letter.id)
  call('ZADD', P .. 'dl:' .. of.delivery, p, letter.id)
  call('HINCRBY', P .. 'lettercounts', of.source .. ' ' .. letter.reason, 1)
  grown(weight)
end

local function bury(letter, of, event, at)
  layDown(num(position(take('l', 1, 0))), letter, of, event, at)
  call('HSET', P .. 'meta', 'lastLetterAt', at)
end

-- False: there is no such letter.
local function unbury(id)
  local its = call('HMGET', P .. 'l:' .. id, 's', 'r', 'd', 'z')
  if not its[1] then
    return false
  end
  call('DEL', P .. 'l:' .. id)
  call('ZREM', P .. 'letters', id)
  call('ZREM', P .. 'lk:' .. its[1] .. ':' .. its[2], id)
  call('ZREM', P .. 'dl:' .. its[3], id)
  if call('HINCRBY', P .. 'lettercounts', its[1] .. ' ' .. its[2], -1) <= 0 then
    call('HDEL', P .. 'lettercounts', its[1] .. ' ' .. its[2])
  end
  grown(-tonumber(its[4]))
  return true
end
