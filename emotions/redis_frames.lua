-- The snapshot queue in Redis: every operation is this one script, so each is whole or not at all.
--
-- turns    who waits, by the ticket of their first snapshot: the order of serving
-- ages     who waits, by the time of their newest snapshot
-- waiting  student -> lesson:seq:offered at:ticket of the newest snapshot
-- hand     tickets of claimed snapshots, by the time of the claim
-- claims   ticket -> lesson:student:worker of a claimed snapshot
-- alive    workers, by the time of their last claim or finish
-- totals   the counters, and the last ticket given
-- wake     one token for each worker worth waking
--
-- Pictures have a key each, which ends by itself soon after the snapshot is stale. The other keys
-- hold no picture and end together, so that no counter is left without what it counts.
local turns, ages, waiting, hand, claims, alive, totals, wake = unpack(KEYS)
local op, prefix, stale_ms, lost_ms = ARGV[1], ARGV[2], tonumber(ARGV[4]), tonumber(ARGV[5])
local held_ms = tonumber(ARGV[6])
local now = tonumber(ARGV[3])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local DAY_MS = 86400000
-- A lesson is a day at the most; its bar outlives it.
local BARRED_S = 90000
local MOST_TOKENS = 32

local function whole(number)
  return string.format('%.0f', number)
end

local function count(name)
  redis.call('HINCRBY', totals, name, 1)
end

local function picture_of(student)
  return prefix .. 'picture:' .. student
end

local function bar_of(kind, id)
  return prefix .. 'barred:' .. kind .. ':' .. id
end

local function forget(student)
  redis.call('ZREM', turns, student)
  redis.call('ZREM', ages, student)
  redis.call('HDEL', waiting, student)
  redis.call('UNLINK', picture_of(student))
end

local function drop_stale()
  local oldest = '(' .. whole(now - stale_ms)
  for _, student in ipairs(redis.call('ZRANGEBYSCORE', ages, '-inf', oldest)) do
    forget(student)
    count('expired')
  end
end

local function drop_claim(ticket)
  redis.call('ZREM', hand, ticket)
  redis.call('HDEL', claims, ticket)
  count('lost')
end

local function drop_lost()
  local too_old = '(' .. whole(now - held_ms)
  for _, ticket in ipairs(redis.call('ZRANGEBYSCORE', hand, '-inf', too_old)) do
    drop_claim(ticket)
  end
  redis.call('ZREMRANGEBYSCORE', alive, '-inf', '(' .. whole(now - lost_ms))
  for _, ticket in ipairs(redis.call('ZRANGE', hand, 0, -1)) do
    local worker = string.match(redis.call('HGET', claims, ticket) or '', '([^:]+)$')
    if not worker or not redis.call('ZSCORE', alive, worker) then
      drop_claim(ticket)
    end
  end
end

local function live(worker)
  redis.call('ZADD', alive, whole(now), worker)
end

local function next_ticket()
  -- Begins with the time, so that a claim from before a restart of Redis fits no later ticket.
  redis.call('HSETNX', totals, 'ticket', whole(now * 1000))
  return redis.call('HINCRBY', totals, 'ticket', 1)
end

local function wake_one()
  if redis.call('LLEN', wake) < MOST_TOKENS then
    redis.call('RPUSH', wake, '1')
  end
end

local function refuse(why)
  count('refused')
  return {'refused', why}
end

local function is_full(capacity)
  if redis.call('ZCARD', turns) < capacity then
    return false
  end
  drop_stale()
  return redis.call('ZCARD', turns) >= capacity
end

local does = {}

function does.offer(lesson, student, seq, jpeg, capacity)
  count('offered')
  if redis.call('EXISTS', bar_of('lesson', lesson), bar_of('student', student)) > 0 then
    return refuse('barred')
  end
  local waits = redis.call('HEXISTS', waiting, student) == 1
  if not waits and is_full(tonumber(capacity)) then
    return refuse('full')
  end
  local ticket = next_ticket()
  local about = table.concat({lesson, seq, whole(now), whole(ticket)}, ':')
  redis.call('SET', picture_of(student), jpeg, 'PX', stale_ms + 1000)
  redis.call('HSET', waiting, student, about)
  redis.call('ZADD', ages, whole(now), student)
  if waits then
    count('replaced')
    return {'replaced', ''}
  end
  redis.call('ZADD', turns, whole(ticket), student)
  count('accepted')
  wake_one()
  return {'accepted', ''}
end

local function take(student, worker)
  local about = redis.call('HGET', waiting, student)
  local lesson, seq, at, ticket = string.match(about, '(%d+):(%d+):(%d+):(%d+)')
  local jpeg = redis.call('GET', picture_of(student))
  forget(student)
  if not jpeg then
    count('expired')
    return nil
  end
  redis.call('ZADD', hand, whole(now), ticket)
  redis.call('HSET', claims, ticket, lesson .. ':' .. student .. ':' .. worker)
  count('claimed')
  return {lesson, student, seq, at, ticket, jpeg}
end

function does.claim(limit, worker)
  drop_lost()
  live(worker)
  drop_stale()
  local taken = {}
  for _, student in ipairs(redis.call('ZRANGE', turns, 0, tonumber(limit) - 1)) do
    table.insert(taken, take(student, worker))
  end
  if redis.call('ZCARD', turns) == 0 then
    redis.call('DEL', wake)
  else
    wake_one()
  end
  return taken
end

function does.finish(ticket, ending, worker)
  drop_lost()
  live(worker)
  if redis.call('ZREM', hand, ticket) == 0 then
    return 0
  end
  redis.call('HDEL', claims, ticket)
  count(ending)
  return 1
end

function does.bar(kind, id)
  redis.call('SET', bar_of(kind, id), '1', 'EX', BARRED_S)
  local waiters = redis.call('HGETALL', waiting)
  for at = 1, #waiters, 2 do
    local lesson = string.match(waiters[at + 1], '(%d+):')
    if (kind == 'lesson' and lesson or waiters[at]) == id then
      forget(waiters[at])
      count('barred')
    end
  end
  local claimed = redis.call('HGETALL', claims)
  for at = 1, #claimed, 2 do
    local lesson, student = string.match(claimed[at + 1], '(%d+):(%d+)')
    if (kind == 'lesson' and lesson or student) == id then
      redis.call('ZREM', hand, claimed[at])
      redis.call('HDEL', claims, claimed[at])
      count('barred_claims')
    end
  end
end

function does.unbar(kind, id)
  redis.call('DEL', bar_of(kind, id))
end

function does.counts()
  drop_stale()
  drop_lost()
  local told = redis.call('HGETALL', totals)
  table.insert(told, 'waiting')
  table.insert(told, redis.call('ZCARD', turns))
  table.insert(told, 'in_hand')
  table.insert(told, redis.call('ZCARD', hand))
  return told
end

local answer = does[op](unpack(ARGV, 7))
for _, key in ipairs(KEYS) do
  redis.call('PEXPIRE', key, DAY_MS)
end
return answer
