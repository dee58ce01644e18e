-- A replay's place in its selection; the record is in shard 0.
local function replayStandsAt(replay, from)
  local its = call('HMGET', P .. 'r:' .. replay, 'state', 'selecting', 'place')
  return its[1] == 'running' and its[2] == '1' and its[3] == from
end

-- `ended`: '1' when the selection is at its end.
local function replayMoves(replay, to, ended, at)
  call('HSET', P .. 'r:' .. replay, 'place', to, 'selecting', ended == '1' and '0' or '1')
  if ended == '1' then
    call('HSET', P .. 'r:' .. replay, 'selectedAt', at)
  end
end
