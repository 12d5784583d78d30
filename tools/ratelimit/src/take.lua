-- Counts one request by all of its limits, or by none. KEYS: the bucket of each limit, a sorted set of the moments at which the budget
-- of each key is whole again, by this server's clock. ARGV: 1 to count, 0 to look; how many keys a bucket has at most; then for each
-- limit the key, how long one request takes to be forgotten and how much there may be of that, in microseconds. Answers whether it is
-- allowed, and for each limit how long its budget takes to be whole again.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local levels, after, allowed = {}, {}, 1
for i = 1, #KEYS do
  local key, interval, fullest = ARGV[3 * i], tonumber(ARGV[3 * i + 1]), tonumber(ARGV[3 * i + 2])
  local level = tonumber(redis.call('ZSCORE', KEYS[i], key) or now) - now
  if level < 0 then level = 0 end
  levels[i] = level
  after[i] = level + interval
  if after[i] > fullest then allowed = 0 end
end
local told = levels
if allowed == 1 and ARGV[1] == '1' then
  told = after
  for i = 1, #KEYS do
    local bucket = KEYS[i]
    redis.call('ZREMRANGEBYSCORE', bucket, '-inf', string.format('%.0f', now))
    redis.call('ZADD', bucket, string.format('%.0f', now + after[i]), ARGV[3 * i])
    if redis.call('ZCARD', bucket) > tonumber(ARGV[2]) then redis.call('ZPOPMIN', bucket) end
    -- It ends with the last of its keys.
    local ends = math.ceil(after[i] / 1000)
    if redis.call('PTTL', bucket) < ends then redis.call('PEXPIRE', bucket, ends) end
  end
end
local answer = { allowed }
for i = 1, #KEYS do answer[i + 1] = told[i] end
return answer
