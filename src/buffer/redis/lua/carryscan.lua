-- Keys of this shard as they lie, a piece at a time, for what no list leads to. A(1) where the last piece ended, A(2) how many. Answers where this one
-- ended; keys that were seen (hash, value, when it ends, facts of its delivery or ''); positions of events that wait and whose delivery is gone; how
-- many events there are, how many of them wait, how many bodies, how many deliveries are not mapped.
local piece = call('SCAN', A(1), 'MATCH', P .. '*', 'COUNT', A(2))
local seen, orphans, events, waiting, bodies, unmapped = {}, {}, 0, 0, 0, 0

local function factsOf(id)
  return id and call('HGET', P .. 'd:' .. id, 'f') or ''
end

for _, key in ipairs(piece[2]) do
  local name = string.sub(key, #P + 1)
  local kind, rest = string.match(name, '^(%a+):(.*)$')
  if kind == 'seen' then
    local value = call('GET', key)
    local base = #seen
    -- Its end may have come meanwhile.
    if value then
      seen[base + 1], seen[base + 2], seen[base + 3] = rest, value, num(call('PEXPIRETIME', key))
      seen[base + 4] = factsOf(string.match(value, ' (.+)$'))
    end
  elseif kind == 'e' then
    events = events + 1
    local event = eventOf(rest)
    if event and waits(rest, event) then
      waiting = waiting + 1
      if call('EXISTS', P .. 'd:' .. deliveryOf(event.id)) == 0 then
        orphans[#orphans + 1] = rest
      end
    end
  elseif kind == 'd' then
    bodies = bodies + call('HEXISTS', key, 'b')
    unmapped = unmapped + (call('HGET', key, 's') == 'a' and 1 or 0)
  end
end
return { ready(), piece[1], seen, orphans, events, waiting, bodies, unmapped }
