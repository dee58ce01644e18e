-- What the relays run. A(1) a relay not heard of for so many ms is gone, A(2) what this one runs. Answers relay, what it runs, this one first.
local time = now()
local key = P .. 'instances'
call('HSET', key, holder, num(time) .. ' ' .. A(2))
local answer, gone = { holder, A(2) }, {}
local listed = call('HGETALL', key)
for at = 1, #listed, 2 do
  local heard, runs = string.match(listed[at + 1], '^(%d+) (.*)$')
  if listed[at] ~= holder then
    -- Also one that was heard of later than now: the clock of Redis went back.
    if not heard or math.abs(time - heard) > tonumber(A(1)) then
      gone[#gone + 1] = listed[at]
    elseif #answer < 2000 then
      answer[#answer + 1] = listed[at]
      answer[#answer + 1] = runs
    end
  end
end
many('HDEL', key, gone)
return answer
