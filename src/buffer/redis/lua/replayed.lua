-- An event of a replay has left what waits. `of`: its field `y`; `died`: its words, or nil.
local function replayLeft(member, of, died, at)
  return member and of and died and at
end
