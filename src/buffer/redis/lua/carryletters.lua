-- Dead letters that were kept elsewhere: of each counter, id, source, delivery, kind, reason, message, destination, JSON, attempts, made at, '1' when it has
-- a type, type, receivedAt, position of its event ('' none), id of it, time, route, '1' when it has a key, key. One that is there is passed over.
for at = 1, #ARGV - 4, 20 do
  if call('EXISTS', P .. 'l:' .. A(at + 1)) == 0 then
    local letter = { id = A(at + 1), kind = A(at + 4), reason = A(at + 5), message = A(at + 6), destination = A(at + 7), json = A(at + 8), attempts = A(at + 9) }
    local of = { source = A(at + 2), delivery = A(at + 3), type = A(at + 11) == '1' and A(at + 12) or nil, receivedAt = A(at + 13) }
    local event = A(at + 14) ~= '' and { position = A(at + 14), id = A(at + 15), time = A(at + 16), route = A(at + 17), key = A(at + 18) == '1' and A(at + 19) or nil } or nil
    layDown(num(position(tonumber(A(at)))), letter, of, event, A(at + 10))
  end
end
return {}
