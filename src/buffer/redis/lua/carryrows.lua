-- Events at these positions as a move carries them; A(1)… positions, one that is not kept is left out. Answers ready counts, then of each: position, id, lane,
-- time, JSON, since, state (w, d, x), attempts, `<destination> <key>` of an update ('' none), '1' when it was begun, `<replay> <item>` ('' none).
local flat = {}
for at = 1, #ARGV - 4 do
  local member = A(at)
  local event = eventOf(member)
  if event then
    local row = { member, event.id, laneName(event.n), event.time, event.json, event.since, stateOf(member, event) }
    row[8] = call('HGET', P .. 'attempts', member) or '0'
    row[9] = event.key or ''
    row[10] = call('HGET', P .. 'begun', member) or ''
    row[11] = call('HGET', P .. 'replayed', member) or ''
    for field = 1, 11 do
      flat[#flat + 1] = row[field]
    end
  end
end
return { ready(), flat }
