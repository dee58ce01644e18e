-- A source takes a secret for a while. A(1) source, A(2) until, A(3) now, A(4) sources that may be armed or have one.
local key = P .. 'secrets'
local known = call('HGET', key, A(1))
if known and string.sub(known, 1, 7) == 'secret ' then
  return { 'has_secret' }
end
local all = call('HGETALL', key)
local kept, gone = 0, {}
for at = 1, #all, 2 do
  local ends = string.match(all[at + 1], '^armed (%d+)$')
  if all[at] == A(1) or (ends and tonumber(ends) <= tonumber(A(3))) then
    gone[#gone + 1] = all[at]
  else
    kept = kept + 1
  end
end
if kept >= tonumber(A(4)) then
  return { 'too_many' }
end
many('HDEL', key, gone)
call('HSET', key, A(1), 'armed ' .. A(2))
return { 'armed' }
