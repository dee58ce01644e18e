-- A secret arrives. A(1) source, A(2) now, A(3) token of this question, A(4) the secret. Whoever asks again because the answer was lost is told the same.
local key = P .. 'secrets'
local known = call('HGET', key, A(1))
local token = known and string.match(known, '^secret %d+ (%S+) ')
if token then
  return { token == A(3) and 'learned' or 'has_secret' }
end
local ends = known and string.match(known, '^armed (%d+)$')
if not ends or tonumber(ends) <= tonumber(A(2)) then
  return { 'not_armed' }
end
call('HSET', key, A(1), 'secret ' .. A(2) .. ' ' .. A(3) .. ' ' .. A(4))
return { 'learned' }
