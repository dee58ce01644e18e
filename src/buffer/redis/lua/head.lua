-- In front of every script. KEYS[1]: the prefix of the shard, `{relay:N}:`; all keys begin with it (keys.ts names them).
-- ARGV[1] the time instead of the server's own ('' but in tests), [2] holder: the id of the relay that asks, [3] how many
-- shards there are, [4] which this is; what is the script's own follows, as A(1), A(2), …
local P = KEYS[1]
local call = redis.call
local holder, shards, shard = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

local function A(index)
  return ARGV[index + 4]
end

-- Milliseconds. The server's, for the relays' clocks may disagree about when a lease ends.
local function now()
  if ARGV[1] ~= '' then
    return tonumber(ARGV[1])
  end
  local time = call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- A number as text, whole and exact up to 2^53. As an integer: Redis and Lua write fractions, even of none, five times as slowly.
local function num(value)
  return string.format('%d', value)
end

-- Why no relay may work here any more (../../carrying.ts), as an error; nil: it may. Asked where a webhook would stay behind, or an event
-- would leave a second time.
local function carriedAway()
  local why = call('HGET', P .. 'meta', 'carried')
  return why and redis.error_reply('CARRIED ' .. why) or nil
end

-- The next `count` positions of a counter ('p' deliveries, 'e' events, 'l' letters): the first counter value.
-- `seen`: the highest position the relay knows of any shard, so that shards grow alike (0: no matter).
local function take(counter, count, seen)
  local last = tonumber(call('HGET', P .. 'meta', counter) or '0')
  last = math.max(last, math.floor(seen / shards))
  call('HSET', P .. 'meta', counter, num(last + count))
  return last + 1
end

local function position(counter)
  return counter * shards + shard
end

-- What is kept has grown by so many bytes.
local function grown(bytes)
  if bytes ~= 0 then
    call('HINCRBY', P .. 'meta', 'bytes', num(bytes))
  end
end

-- Calls with many members, a bounded number at a time: Lua passes a few thousand arguments at most.
local function many(command, key, members)
  for from = 1, #members, 1000 do
    call(command, key, unpack(members, from, math.min(from + 999, #members)))
  end
end

-- Members of sorted sets and the like that come and go, gathered and written together: a call costs more than a member. What
-- is added is written before what is removed, so that one which came and went in one script is gone.
local laterSet, laterAdded, laterRemoved, laterCounted = {}, {}, {}, {}
-- Texts by key, to be looked up before they are written.
local laterTexts = {}

local function setLater(key, text)
  laterSet[#laterSet + 1] = key
  laterSet[#laterSet + 1] = text
  laterTexts[key] = text
end

local function addLater(key, score, member)
  local list = laterAdded[key]
  if not list then
    list = {}
    laterAdded[key] = list
  end
  list[#list + 1] = score
  list[#list + 1] = member
end

-- `command`: ZREM, HDEL, SREM or XDEL, whatever the key needs.
local function removeLater(command, key, member)
  local list = laterRemoved[key]
  if not list then
    list = { command }
    laterRemoved[key] = list
  end
  list[#list + 1] = member
end

local function countLater(key, field, by)
  local fields = laterCounted[key]
  if not fields then
    fields = {}
    laterCounted[key] = fields
  end
  fields[field] = (fields[field] or 0) + by
end

local function flush()
  for from = 1, #laterSet, 1000 do
    call('MSET', unpack(laterSet, from, math.min(from + 999, #laterSet)))
  end
  for key, list in pairs(laterAdded) do
    many('ZADD', key, list)
  end
  for key, list in pairs(laterRemoved) do
    many(table.remove(list, 1), key, list)
  end
  for key, fields in pairs(laterCounted) do
    for field, by in pairs(fields) do
      if by ~= 0 then
        call('HINCRBY', key, field, by)
      end
    end
  end
  laterSet, laterAdded, laterRemoved, laterCounted, laterTexts = {}, {}, {}, {}, {}
end

local function counted(what, source, by)
  countLater(P .. 'tally', what .. ' ' .. source, by)
end
