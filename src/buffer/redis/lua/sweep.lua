-- One piece of what is past its retention. A(1) received up to this. Answers ready counts and 1 when there may be more.
expire(now())
local rows = dropSettled(A(1), function()
  return false
end)
return { ready(), rows > 0 and 1 or 0 }
