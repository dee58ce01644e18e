-- What this shard knows of replays whose records give way. A(1)… ids. What still waits of them is counted no more.
for at = 1, #ARGV - 4 do
  call('DEL', P .. 'rc:' .. A(at), P .. 'ri:' .. A(at), P .. 'rp:' .. A(at))
end
return {}
