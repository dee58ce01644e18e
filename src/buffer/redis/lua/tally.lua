-- The counts of this shard in one snapshot. A(1) bytes this shard may keep, A(2) what a usual delivery weighs: when it would not fit, history gives way.
-- Answers ready counts, the tally, lanes with what waits, dead letters by source and reason, last dead letter, oldest waiting, bytes, whether it is full.
expire(now())
local fits = makeRoom(tonumber(A(2)), tonumber(A(1)))
local lanes = call('HGETALL', P .. 'waiting')
for at = 1, #lanes, 2 do
  lanes[at] = laneName(lanes[at])
end
local oldest = call('ZRANGE', P .. 'open', 0, 0, 'WITHSCORES')[2]
local unmapped = call('XRANGE', P .. 'unmapped', '-', '+', 'COUNT', 1)[1]
local receipt = unmapped and call('ZSCORE', P .. 'received', unmapped[2][2])
if receipt and (not oldest or tonumber(receipt) < tonumber(oldest)) then
  oldest = receipt
end
return {
  ready(),
  call('HGETALL', P .. 'tally'),
  lanes,
  call('HGETALL', P .. 'lettercounts'),
  call('HGET', P .. 'meta', 'lastLetterAt') or '',
  oldest or '',
  num(bytesKept()),
  fits and 0 or 1,
}
