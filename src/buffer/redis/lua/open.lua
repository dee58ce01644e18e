-- A relay begins. A(1) the format it knows, A(2) 'move': it is no relay, but a move from or to here. The first relay of all writes down the format and the number of shards.
local meta = P .. 'meta'
local format = call('HGET', meta, 'format')
if not format then
  call('HSET', meta, 'format', A(1), 'shards', shards)
elseif format ~= A(1) then
  return redis.error_reply('BROKEN the keys are of format ' .. format .. ', this relay knows format ' .. A(1)
    .. ': carry them into a data folder with the version that wrote them (trackrelay move), and back with this one')
elseif tonumber(call('HGET', meta, 'shards')) ~= shards then
  return redis.error_reply('BROKEN the keys were made with ' .. call('HGET', meta, 'shards') .. ' shards, RELAY_REDIS_SHARDS says ' .. shards
    .. ': set it to what they were made with, or carry them into an empty Redis (trackrelay move)')
end
local carried = carriedAway()
if carried and A(2) ~= 'move' then
  return carried
end
local made = redis.pcall('XGROUP', 'CREATE', P .. 'unmapped', 'map', '0', 'MKSTREAM')
if made.err and not string.find(made.err, 'BUSYGROUP', 1, true) then
  return made
end
return { ready() }
