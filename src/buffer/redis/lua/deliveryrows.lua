-- Deliveries by their ids, in this order; one that is not kept is left out. A(1) stop when their bodies are more than this, then ids.
-- Answers of each: id, position, facts, state, head and body (nil: forgotten, or given way); and how many ids were looked at.
local flat, bytes, looked = {}, 0, 0
for at = 2, #ARGV - 4 do
  looked = looked + 1
  local its = call('HMGET', P .. 'd:' .. A(at), 'p', 'f', 's', 'h', 'b')
  if its[1] then
    local base = #flat
    flat[base + 1], flat[base + 2], flat[base + 3], flat[base + 4] = A(at), its[1], its[2], its[3]
    flat[base + 5], flat[base + 6] = its[4], its[5]
    bytes = bytes + (its[5] and #its[5] or 0)
    if bytes > tonumber(A(1)) then
      break
    end
  end
end
return { flat, looked }
