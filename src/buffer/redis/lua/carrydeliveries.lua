-- Deliveries that were kept elsewhere. A(1) bytes of a row; then of each: id, counter, source, type (`-` none, `=type`), state, facts, '1' when it has
-- head and body, head, body, created, waiting, dead, when the last event left ('' none), since when the oldest waits ('' none), runs of its
-- events, receivedAt. One that is there is passed over.
local rowBytes = tonumber(A(1))
local total = 0
for at = 2, #ARGV - 4, 16 do
  local id, source, state = A(at), A(at + 2), A(at + 4)
  local hash = P .. 'd:' .. id
  if call('EXISTS', hash) == 0 then
    local p = num(position(tonumber(A(at + 1))))
    local kind = kindOf(source, A(at + 3))
    local facts, head, body = A(at + 5), A(at + 7), A(at + 8)
    local weight = rowBytes + #facts + #head + #body
    total = total + weight
    call('HSET', hash, 'p', p, 'f', facts, 's', state, 'k', kind, 'z', weight)
    if A(at + 6) == '1' then
      call('HSET', hash, 'h', head, 'b', body)
    end
    addLater(P .. 'deliveries', p, id)
    addLater(P .. 'received', A(at + 15), id)
    addLater(P .. 'kind:' .. state .. ':' .. kind, p, id)
    if state == 'a' then
      call('XADD', P .. 'unmapped', p .. '-0', 'd', id)
    else
      call('HSET', hash, 'c', A(at + 9), 'w', A(at + 10), 'x', A(at + 11), 'e', A(at + 14))
      if A(at + 12) ~= '' then
        call('HSET', hash, 't', A(at + 12))
      end
      if A(at + 13) ~= '' then
        addLater(P .. 'open', A(at + 13), id)
      else
        addLater(P .. 'settled', A(at + 15), id)
      end
    end
  end
end
flush()
grown(total)
return {}
