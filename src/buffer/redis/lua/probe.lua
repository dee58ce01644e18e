-- Whether Redis would take something: this is refused as an accept would be when it has no memory left.
return { call('EXISTS', P .. 'meta') }
