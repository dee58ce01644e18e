-- What a source learned goes, and its arming with it. A(1) source. Answers 1 when it had a secret.
local known = call('HGET', P .. 'secrets', A(1))
call('HDEL', P .. 'secrets', A(1))
return { known and string.sub(known, 1, 7) == 'secret ' and 1 or 0 }
