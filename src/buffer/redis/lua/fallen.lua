-- What falls through, by source and type (promise 10).

-- `type`: nil when the delivery has none.
local function fallenCount(source, type, state, id, at)
  local key = P .. 'fallen:' .. source
  local known = call('HGET', key, type or '')
  local one = known and cjson.decode(known) or { 0, 0, at, at, id }
  local place = state == 'f' and 2 or 1
  one[place] = one[place] + 1
  one[3] = math.min(one[3], at)
  if at >= one[4] then
    one[4], one[5] = at, id
  end
  call('HSET', key, type or '', cjson.encode(one))
end
