-- Which indexes hold the dead letters that a filter asks for, and whether one is right in what no index tells.

-- `uncertain`: nil any, true those of unknown outcome alone, false all but these.
local function letterKeys(source, reason, uncertain)
  if source == '' and reason == '' and uncertain == nil then
    return { P .. 'letters' }
  end
  local keys = {}
  for _, kind in ipairs(call('HKEYS', P .. 'lettercounts')) do
    local of, why = string.match(kind, '^(%S+) (.*)$')
    local unknown = why == 'unknown_outcome'
    if (source == '' or of == source) and (reason == '' or why == reason) and (uncertain == nil or unknown == uncertain) then
      keys[#keys + 1] = P .. 'lk:' .. of .. ':' .. why
    end
  end
  return keys
end

-- '' is any: kind, destination, type of its delivery, received since and until.
local function letterFits(id, kind, destination, type, since, untilTime)
  if kind == '' and destination == '' and type == '' and since == '' and untilTime == '' then
    return true
  end
  local its = call('HMGET', P .. 'l:' .. id, 'k', 'o', 'y', 'v')
  local receivedAt = tonumber(its[4])
  return receivedAt ~= nil
    and (kind == '' or its[1] == kind)
    and (destination == '' or its[2] == destination)
    and (type == '' or its[3] == type)
    and (since == '' or receivedAt >= tonumber(since))
    and (untilTime == '' or receivedAt < tonumber(untilTime))
end

-- All that is known of a letter, in the order reading-letters.ts reads it; not known is nil there.
local function letterRow(flat, id)
  local its = call('HMGET', P .. 'l:' .. id, 'p', 's', 'd', 'k', 'r', 'm', 'o', 'a', 'c', 'y', 'v', 'i', 't', 'u', 'q', 'j')
  local base = #flat
  flat[base + 1] = id
  for at = 1, 16 do
    flat[base + 1 + at] = its[at]
  end
end
