-- How a delivery stands before it is mapped again. Needs runs.lua. Its stand is a text that changes when anything of it does that a new mapping would
-- be held against; `fill`, if given, is called with each event (position, id, lane, state, '1' being sent, JSON).
local function standing(id, time, fill)
  local its = call('HMGET', P .. 'd:' .. id, 's', 'e')
  if not its[1] then
    return nil
  end
  local stand, members = { its[1] }, {}
  for _, member in ipairs(membersOf(its[2])) do
    local event = call('HMGET', P .. 'e:' .. member, 's', 'g')
    if event[1] then
      local ends = event[1] == 'w' and call('ZSCORE', P .. 'leased', member)
      -- Begun: it may have left, whoever holds it.
      local leaving = (event[2] and event[1] == 'w') or (ends and tonumber(ends) > time)
      members[#members + 1] = member
      stand[#stand + 1] = member .. event[1] .. (leaving and '1' or '')
      if fill then
        local rest = call('HMGET', P .. 'e:' .. member, 'i', 'n', 'j')
        fill(member, rest[1], rest[2], event[1], leaving and '1' or '', rest[3])
      end
    end
  end
  local letters = call('ZRANGE', P .. 'dl:' .. id, 0, -1)
  for _, letter in ipairs(letters) do
    stand[#stand + 1] = letter
  end
  return redis.sha1hex(table.concat(stand, ' ')), members, letters
end
