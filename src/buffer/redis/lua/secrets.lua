-- Sources that are armed or have a secret: source, what is kept of it.
return { call('HGETALL', P .. 'secrets') }
