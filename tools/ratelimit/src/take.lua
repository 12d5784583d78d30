-- Counts one request by all of its limits, or by none. KEYS: one for each limit. ARGV: 1 to count, 0 to look; then for each limit how
-- long one request takes to be forgotten and how much there may be of that, in microseconds. Answers whether it is allowed, and for
-- each limit how long its budget takes to be whole again. A key holds the moment at which it is, by this server's clock.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local levels, after, allowed = {}, {}, 1
for i = 1, #KEYS do
  local interval, fullest = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local level = tonumber(redis.call('GET', KEYS[i]) or now) - now
  if level < 0 then level = 0 end
  levels[i] = level
  after[i] = level + interval
  if after[i] > fullest then allowed = 0 end
end
local told = levels
if allowed == 1 and ARGV[1] == '1' then
  told = after
  for i = 1, #KEYS do
    redis.call('SET', KEYS[i], string.format('%.0f', now + after[i]), 'PX', math.ceil(after[i] / 1000))
  end
end
local answer = { allowed }
for i = 1, #KEYS do answer[i + 1] = told[i] end
return answer
