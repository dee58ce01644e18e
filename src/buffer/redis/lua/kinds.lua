-- Which indexes hold the deliveries that a filter asks for: source ('' any), states (of `amsf`), type ('' any, else `=type`).

-- More heads than this are not looked at in one script: all deliveries are walked instead, and each is asked for its kind.
local kindKeysMax = 1000

local function sourcesOf(source)
  if source ~= '' then
    return { source }
  end
  local found = {}
  for _, field in ipairs(call('HKEYS', P .. 'tally')) do
    found[#found + 1] = string.match(field, '^accepted (.+)$')
  end
  return found
end

-- Names of kinds as in a delivery's `k`. A kind that holds many types is no answer by itself when one type is asked for: `*`.
local function kindNames(source, type)
  local names = {}
  for _, one in ipairs(sourcesOf(source)) do
    if type == '' then
      names[#names + 1] = one .. ':-'
      names[#names + 1] = one .. ':*'
      for _, own in ipairs(call('SMEMBERS', P .. 'types:' .. one)) do
        names[#names + 1] = one .. ':' .. own
      end
    elseif call('SISMEMBER', P .. 'types:' .. one, type) == 1 then
      names[#names + 1] = one .. ':' .. type
    else
      names[#names + 1] = one .. ':*'
    end
  end
  return names
end

-- Keys to walk, and what says whether a delivery that was met there is one (nil: all are).
local function kindsWhere(source, states, type)
  if source == '' and type == '' and #states == 4 then
    return { P .. 'deliveries' }, nil
  end
  local names = kindNames(source, type)
  local keys, wanted, mixed = {}, {}, false
  for _, name in ipairs(names) do
    wanted[name] = true
    mixed = mixed or (type ~= '' and string.sub(name, -2) == ':*')
    for state in string.gmatch(states, '.') do
      keys[#keys + 1] = P .. 'kind:' .. state .. ':' .. name
    end
  end
  local many = #keys > kindKeysMax
  if many then
    keys = { P .. 'deliveries' }
  end
  if not many and not mixed then
    return keys, nil, wanted
  end
  return keys, function(id)
    local its = call('HMGET', P .. 'd:' .. id, 's', 'k', 'f')
    if not its[1] or not wanted[its[2]] or not string.find(states, its[1], 1, true) then
      return false
    end
    return type == '' or string.sub(its[2], -2) ~= ':*' or '=' .. tostring(cjson.decode(its[3])[3]) == type
  end, wanted
end
