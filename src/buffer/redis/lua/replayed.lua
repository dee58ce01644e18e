-- What waits of a replay in this shard, and how far it is: `ri:<replay>` item → `<waiting> <dead>`, `rc:<replay>` the counts.

-- Words of a failure that are kept; the reader cuts characters.
local replayWordsMax = 2000

local function replayCounted(replay, what, by)
  call('HINCRBY', P .. 'rc:' .. replay, what, by)
end

local function replayFailure(replay, words, at)
  call('HSET', P .. 'rc:' .. replay, 'lastFailure', string.sub(words, 1, replayWordsMax), 'failedAt', at)
end

-- An event of a replay has left what waits. `of`: what `replayed` has of it; `died`: its words, or nil.
local function replayLeft(_, of, died, at)
  local replay, item = string.match(of, '^(%S+) (%S+)$')
  local kept = replay and call('HGET', P .. 'ri:' .. replay, item)
  -- Its record gave way to newer ones.
  if not kept then
    return
  end
  local waiting, dead = string.match(kept, '^(%d+) (%d+)$')
  waiting, dead = tonumber(waiting) - 1, tonumber(dead) + (died and 1 or 0)
  replayCounted(replay, 'waiting', -1)
  if died then
    replayFailure(replay, died, at)
  end
  if waiting > 0 then
    call('HSET', P .. 'ri:' .. replay, item, waiting .. ' ' .. dead)
    return
  end
  call('HDEL', P .. 'ri:' .. replay, item)
  replayCounted(replay, dead > 0 and 'failed' or 'delivered', 1)
  call('HSET', P .. 'rc:' .. replay, 'leftAt', at)
end

-- These waiting events are this replay's item from now on, also those that an earlier replay waited for. `dead`: of the item, by now.
local function replayFollows(replay, item, members, dead, at)
  for _, member in ipairs(members) do
    local earlier = call('HGET', P .. 'replayed', member)
    if earlier then
      replayLeft(member, earlier, nil, at)
    end
    -- Also of one that is being sent: whoever settles it is told that there is more to know of it (settle.lua).
    call('HSET', P .. 'replayed', member, replay .. ' ' .. item)
  end
  call('HSET', P .. 'ri:' .. replay, item, #members .. ' ' .. dead)
  replayCounted(replay, 'waiting', #members)
end
