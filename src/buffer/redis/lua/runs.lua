-- A delivery's events: runs `first:count …` of event counters, in the order they were made. Dropped ones leave holes.
local function membersOf(runs)
  local members = {}
  for first, count in string.gmatch(runs or '', '(%d+):(%d+)') do
    for counter = tonumber(first), tonumber(first) + tonumber(count) - 1 do
      members[#members + 1] = num(position(counter))
    end
  end
  return members
end

-- Members in ascending order.
local function runsOf(members)
  local runs, first, last = {}, nil, nil
  for _, member in ipairs(members) do
    local counter = (tonumber(member) - shard) / shards
    if last and counter == last + 1 then
      last = counter
    else
      if first then
        runs[#runs + 1] = num(first) .. ':' .. num(last - first + 1)
      end
      first, last = counter, counter
    end
  end
  if first then
    runs[#runs + 1] = num(first) .. ':' .. num(last - first + 1)
  end
  return table.concat(runs, ' ')
end
