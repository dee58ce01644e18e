-- With several shards: what a step did is done in all of them. A(1) replay, A(2) from, A(3) to, A(4) '1' at the end of the selection, A(5) the relay's time.
if not replayStandsAt(A(1), A(2)) then
  return { 0 }
end
replayMoves(A(1), A(3), A(4), A(5))
return { 1 }
