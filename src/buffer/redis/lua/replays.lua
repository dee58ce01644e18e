-- Records of replays. A(1) one: the id A(2), if it is known; newest: A(2) of them below the id A(3) ('' none), one more if there is; running: those, oldest first.
-- Answers of each: id, its record, its progress in this shard.
local flat = {}

local function put(id)
  local its = call('HMGET', P .. 'r:' .. id, 'mode', 'selection', 'state', 'selecting', 'place', 'upTo', 'count', 'by', 'createdAt', 'endedAt', 'selectedAt')
  if not its[1] then
    return
  end
  flat[#flat + 1] = id
  for at = 1, 11 do
    flat[#flat + 1] = its[at] or ''
  end
  progressOf(flat, id)
end

if A(1) == 'one' then
  put(A(2))
elseif A(1) == 'newest' then
  local below = A(3) ~= '' and call('ZSCORE', P .. 'replays', A(3))
  for _, id in ipairs(call('ZREVRANGEBYSCORE', P .. 'replays', below and '(' .. below or '+inf', '-inf', 'LIMIT', 0, tonumber(A(2)) + 1)) do
    put(id)
  end
else
  local ids = call('SMEMBERS', P .. 'running')
  table.sort(ids, function(one, other)
    return tonumber(call('ZSCORE', P .. 'replays', one) or '0') < tonumber(call('ZSCORE', P .. 'replays', other) or '0')
  end)
  for _, id in ipairs(ids) do
    put(id)
  end
end
return { flat }
