-- Dead letters, newest first. A(1) below this position ('' none), A(2) how many, A(3) how many are looked at, A(4) source, A(5) reason, A(6) kind,
-- A(7) destination, A(8) type, A(9) since, A(10) until ('' any), A(11) bytes of JSON of one answer, about. Answers below what nothing was looked at ('' all was), then the letters.
local wanted, lookedMax = tonumber(A(2)), tonumber(A(3))
local flat, found, looked, floor, bytes = {}, 0, 0, '', 0
walk(letterKeys(A(4), A(5), nil), '-inf', A(1) == '' and '+inf' or '(' .. A(1), true, function(id, p)
  looked = looked + 1
  if letterFits(id, A(6), A(7), A(8), A(9), A(10)) then
    found = found + 1
    letterRow(flat, id)
    bytes = bytes + #(flat[#flat] or '')
  end
  local enough = looked == lookedMax or bytes > tonumber(A(11))
  if found < wanted and enough then
    floor = num(p)
  end
  return found == wanted or enough
end)
return { floor, flat }
