-- The oldest replays that have ended, when one more would be more than `most`.
local function oldReplays(most)
  local over = call('ZCARD', P .. 'replays') + 1 - most
  local found = {}
  if over > 0 then
    for _, id in ipairs(call('ZRANGE', P .. 'replays', 0, -1)) do
      if #found < over and call('SISMEMBER', P .. 'running', id) == 0 then
        found[#found + 1] = id
      end
    end
  end
  return found
end
