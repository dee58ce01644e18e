-- Redis has no memory left: one piece of history goes, of whatever goes first. Answers how many rows there were.
local rows = dropSettled('+inf', function()
  return false
end)
if rows == 0 then
  dropBodies()
  rows = dropLetters()
end
return { rows }
