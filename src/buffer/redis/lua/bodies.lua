-- What becomes of a delivery's body: '' it stays, f it is forgotten, m it is masked. Answers by how much it has grown.
local function changeBody(hash, becomes, masked)
  if becomes == '' then
    return 0
  end
  if becomes == 'f' then
    local freed = call('HSTRLEN', hash, 'b') + call('HSTRLEN', hash, 'h')
    call('HDEL', hash, 'b', 'h')
    return -freed
  end
  local change = #masked - call('HSTRLEN', hash, 'b')
  call('HSET', hash, 'b', masked)
  return change
end
