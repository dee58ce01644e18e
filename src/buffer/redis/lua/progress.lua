-- How far a replay is in this shard: done, delivered, failed, nothing, waiting, last failure, when that was, when the last item left, items that wait.
local function progressOf(flat, replay)
  local its = call('HMGET', P .. 'rc:' .. replay, 'done', 'delivered', 'failed', 'nothing', 'waiting', 'lastFailure', 'failedAt', 'leftAt')
  local base = #flat
  for at = 1, 8 do
    flat[base + at] = its[at] or ''
  end
  flat[base + 9] = call('HLEN', P .. 'ri:' .. replay)
end
