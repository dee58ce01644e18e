-- One more note of a request. A(1) how many are kept, A(2) the note.
call('LPUSH', P .. 'notes', A(2))
call('LTRIM', P .. 'notes', 0, tonumber(A(1)) - 1)
return {}
