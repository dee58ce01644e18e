-- Which replays give way when one more is added. A(1) how many are kept.
return { oldReplays(tonumber(A(1))) }
