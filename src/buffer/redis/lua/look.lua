-- What there is to do, also by what other relays did. A(1) own claims that were idle so many ms are kept alive. Answers ready counts of all
-- lanes, then the highest position of deliveries.
local carried = carriedAway()
if carried then
  return carried
end
expire(now())
for _, name in ipairs(call('HVALS', P .. 'lanes')) do
  if string.find(name, '\31', 1, true) then
    touch(findLane(name))
  end
end
-- `pcall`: a group that was lost is made anew by whoever maps next.
local mine = redis.pcall('XPENDING', P .. 'unmapped', 'map', 'IDLE', A(1), '-', '+', 1000, holder)
if not mine.err then
  for _, entry in ipairs(mine) do
    call('XCLAIM', P .. 'unmapped', 'map', holder, 0, entry[1], 'JUSTID')
  end
end
local last = tonumber(call('HGET', P .. 'meta', 'p') or '0')
return { ready(), num(position(last)) }
