-- How a delivery stands before it is mapped again. Needs runs.lua and events.lua. Its stand is a text that changes when anything of it does that a new mapping would
-- be held against; `fill`, if given, is called with each event (position, event, state, '1' being sent).
local function standing(id, fill)
  local its = call('HMGET', P .. 'd:' .. id, 's', 'e')
  if not its[1] then
    return nil
  end
  local stand, members = { its[1] }, {}
  for _, member in ipairs(membersOf(its[2])) do
    local event = eventOf(member)
    if event then
      local state = stateOf(member, event)
      -- Begun: it may have left, whoever holds it. What has its place and is not ready is leased.
      local leaving = state == 'w'
        and (
          call('HEXISTS', P .. 'begun', member) == 1
          or (call('ZSCORE', P .. 'o:' .. event.n, member) and not call('ZSCORE', P .. 'q:' .. event.n, member))
        )
      members[#members + 1] = member
      stand[#stand + 1] = member .. state .. (leaving and '1' or '')
      if fill then
        fill(member, event, state, leaving and '1' or '')
      end
    end
  end
  local letters = call('ZRANGE', P .. 'dl:' .. id, 0, -1)
  for _, letter in ipairs(letters) do
    stand[#stand + 1] = letter
  end
  return redis.sha1hex(table.concat(stand, ' ')), members, letters
end
