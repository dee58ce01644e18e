-- Dead letters by their ids, in this order; one that is not there is left out. A(1) stop when their JSON is more than this, then ids.
-- Answers the letters, and how many ids were looked at.
local flat, bytes, looked = {}, 0, 0
for at = 2, #ARGV - 4 do
  looked = looked + 1
  if call('EXISTS', P .. 'l:' .. A(at)) == 1 then
    letterRow(flat, A(at))
    bytes = bytes + call('HSTRLEN', P .. 'l:' .. A(at), 'j')
    if bytes > tonumber(A(1)) then
      break
    end
  end
end
return { flat, looked }
