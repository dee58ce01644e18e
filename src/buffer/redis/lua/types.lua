-- Types that get an index of their own, as long as there are few.
local typesMax = 200
local indexed = {}
local function kindOf(source, type)
  local kind = source .. ':' .. type
  if type == '-' or indexed[kind] or call('SISMEMBER', P .. 'types:' .. source, type) == 1 then
    indexed[kind] = true
    return kind
  end
  if call('SCARD', P .. 'types:' .. source) >= typesMax then
    return source .. ':*'
  end
  call('SADD', P .. 'types:' .. source, type)
  indexed[kind] = true
  return kind
end
