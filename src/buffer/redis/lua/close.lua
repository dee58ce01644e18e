-- A relay ends: what it claimed is free at once, and what it runs is nobody's concern. A(1) claims idle for so many ms are taken over.
call('HDEL', P .. 'instances', holder)
local stream = P .. 'unmapped'
local mine = redis.pcall('XPENDING', stream, 'map', '-', '+', 10000, holder)
if mine.err then
  return { 0 }
end
for _, entry in ipairs(mine) do
  call('XCLAIM', stream, 'map', 'left', 0, entry[1], 'IDLE', A(1), 'JUSTID')
end
if #mine < 10000 then
  call('XGROUP', 'DELCONSUMER', stream, 'map', holder)
end
return { #mine }
