-- How deliveries stand that are to be mapped again. A(1)… ids. Answers of each its stand ('' not kept), its events
-- (position, id, lane, state, '1' being sent, JSON) and its letters (id, kind, reason, position of its event or '').
expire(now())
local names, flat = {}, {}
for at = 1, #ARGV - 4 do
  local events, about = {}, {}
  local stand, _, letters = standing(A(at), function(member, event, state, leaving)
    names[event.n] = names[event.n] or laneName(event.n)
    local base = #events
    events[base + 1], events[base + 2], events[base + 3] = member, event.id, names[event.n]
    events[base + 4], events[base + 5], events[base + 6] = state, leaving, event.json
  end)
  for _, letter in ipairs(letters or {}) do
    local its = call('HMGET', P .. 'l:' .. letter, 'k', 'r', 'e')
    local base = #about
    about[base + 1], about[base + 2], about[base + 3], about[base + 4] = letter, its[1], its[2], its[3] or ''
  end
  flat[#flat + 1] = stand or ''
  flat[#flat + 1] = events
  flat[#flat + 1] = about
end
return { ready(), flat }
