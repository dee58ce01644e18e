-- What falls through: of each source its name and its types with their counts.
local flat = {}
for _, source in ipairs(sourcesOf('')) do
  local types = call('HGETALL', P .. 'fallen:' .. source)
  if #types > 0 then
    flat[#flat + 1] = source
    flat[#flat + 1] = types
  end
end
return { flat }
