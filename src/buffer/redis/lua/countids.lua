-- How many of these can be replayed. A(1) remap: deliveries that are kept; resend: dead letters of events; then their ids.
local count = 0
for at = 2, #ARGV - 4 do
  if A(1) == 'remap' then
    count = count + call('EXISTS', P .. 'd:' .. A(at))
  elseif call('HGET', P .. 'l:' .. A(at), 'k') == 'event' then
    count = count + 1
  end
end
return { count }
