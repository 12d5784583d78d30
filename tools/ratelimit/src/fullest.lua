-- The keys of a bucket that have used most. KEYS: the bucket. ARGV: how many at most. Answers how many keys have used anything, then
-- each key and how long its budget takes to be whole again, in microseconds, the fullest first.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local after = string.format('(%.0f', now)
local answer = { string.format('%d', redis.call('ZCOUNT', KEYS[1], after, '+inf')) }
local used = redis.call('ZREVRANGEBYSCORE', KEYS[1], '+inf', after, 'WITHSCORES', 'LIMIT', 0, tonumber(ARGV[1]))
for i = 1, #used, 2 do
  answer[#answer + 1] = used[i]
  answer[#answer + 1] = string.format('%.0f', tonumber(used[i + 1]) - now)
end
return answer
