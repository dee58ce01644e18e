-- What falls through, by source and type (promise 10): gathered by a script, written once for each type at its end (`fallenWrite`).
-- `fallen:<source>`: type ('' none) → JSON [skipped, failed, since, lastAt, lastDelivery].

-- `unmappedTypesMax` and `otherTypes` of ../contract.ts.
local fallenTypesMax, otherTypes = 200, '(other)'
local fallenGathered, mendedGathered = {}, {}

local function fallenAdd(types, type, more)
  local one = types[type]
  if not one then
    types[type] = { more[1], more[2], more[3], more[4], more[5] }
    return
  end
  one[1], one[2] = one[1] + more[1], one[2] + more[2]
  one[3] = math.min(one[3], more[3])
  -- What was set aside is committed late, so the last one committed need not be the newest.
  if more[4] >= one[4] then
    one[4], one[5] = more[4], more[5]
  end
end

-- `type`: nil when the delivery has none; `state`: s or f.
local function fallenCount(source, type, state, id, at)
  local types = fallenGathered[source] or {}
  fallenGathered[source] = types
  fallenAdd(types, type or '', { state == 's' and 1 or 0, state == 'f' and 1 or 0, at, at, id })
end

-- A replay mended one: it is counted no more.
local function fallenMended(source, type, state)
  local types = mendedGathered[source] or {}
  mendedGathered[source] = types
  local one = types[type or ''] or { 0, 0 }
  types[type or ''] = one
  local place = state == 'f' and 2 or 1
  one[place] = one[place] + 1
end

-- The least of what is there and what is new goes into `gone`, and leaves the hash or `fresh`.
local function fallenMakeRoom(key, fresh, gone)
  local all, kept = {}, call('HGETALL', key)
  for at = 1, #kept, 2 do
    if kept[at] ~= otherTypes then
      all[#all + 1] = { type = kept[at], one = cjson.decode(kept[at + 1]), there = true, order = #all }
    end
  end
  for type, one in pairs(fresh) do
    all[#all + 1] = { type = type, one = one, there = false, order = #all }
  end
  table.sort(all, function(a, b)
    local seenA, seenB = a.one[1] + a.one[2], b.one[1] + b.one[2]
    if seenA ~= seenB then
      return seenA > seenB
    end
    if a.one[4] ~= b.one[4] then
      return a.one[4] > b.one[4]
    end
    return a.order < b.order
  end)
  for at = fallenTypesMax + 1, #all do
    fallenAdd(gone, otherTypes, all[at].one)
    if all[at].there then
      call('HDEL', key, all[at].type)
    else
      fresh[all[at].type] = nil
    end
  end
end

local function fallenWriteOne(key, type, one)
  call('HSET', key, type, cjson.encode(one))
end

local function fallenPlace(key, types)
  local fresh, gone, count = {}, {}, 0
  for type, one in pairs(types) do
    local known = call('HGET', key, type)
    if known then
      local raised = { [type] = cjson.decode(known) }
      fallenAdd(raised, type, one)
      fallenWriteOne(key, type, raised[type])
    elseif type == otherTypes then
      gone[type] = one
    else
      fresh[type] = one
      count = count + 1
    end
  end
  if call('HLEN', key) - call('HEXISTS', key, otherTypes) + count > fallenTypesMax then
    fallenMakeRoom(key, fresh, gone)
  end
  for type, one in pairs(fresh) do
    fallenWriteOne(key, type, one)
  end
  if gone[otherTypes] then
    local known = call('HGET', key, otherTypes)
    if known then
      fallenAdd(gone, otherTypes, cjson.decode(known))
    end
    fallenWriteOne(key, otherTypes, gone[otherTypes])
  end
end

-- Takes away what its type has; answers what is left to be taken away.
local function fallenTake(key, type, left)
  local known = call('HGET', key, type)
  if not known then
    return left
  end
  local one = cjson.decode(known)
  local skipped, failed = math.min(one[1], left[1]), math.min(one[2], left[2])
  one[1], one[2] = one[1] - skipped, one[2] - failed
  if one[1] + one[2] == 0 then
    call('HDEL', key, type)
  else
    fallenWriteOne(key, type, one)
  end
  return { left[1] - skipped, left[2] - failed }
end

local function fallenWrite()
  for source, types in pairs(fallenGathered) do
    fallenPlace(P .. 'fallen:' .. source, types)
  end
  for source, types in pairs(mendedGathered) do
    for type, mended in pairs(types) do
      -- What its type has no count of any more went into the others.
      local left = fallenTake(P .. 'fallen:' .. source, type, mended)
      if left[1] + left[2] > 0 then
        fallenTake(P .. 'fallen:' .. source, otherTypes, left)
      end
    end
  end
  fallenGathered, mendedGathered = {}, {}
end
