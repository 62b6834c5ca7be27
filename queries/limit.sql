-- The database's clock counts: servers whose clocks differ count the same.

-- Takes one request from each of the limits, in the order of their keys so that two of these
-- cannot wait for each other, and returns the keys of those that had one left.
-- name: UpdateRateLimits :many
INSERT INTO rate_limits AS l (key, used_until, cost_seconds, period_seconds)
SELECT asked.key, asked.now + asked.cost * interval '1 second', asked.cost, asked.period
  FROM (SELECT now() AS now, unnest(@keys::bytea[]) AS key, unnest(@costs::double precision[]) AS cost,
               unnest(@periods::double precision[]) AS period) AS asked
 ORDER BY asked.key
    ON CONFLICT (key) DO UPDATE -- excluded.used_until is now + cost
   SET used_until = greatest(l.used_until + excluded.cost_seconds * interval '1 second', excluded.used_until),
       cost_seconds = excluded.cost_seconds, period_seconds = excluded.period_seconds
 WHERE greatest(l.used_until + excluded.cost_seconds * interval '1 second', excluded.used_until)
       <= excluded.used_until + (excluded.period_seconds - excluded.cost_seconds) * interval '1 second'
RETURNING key;

-- Refunds what a request took.
-- name: UpdateRateLimitsBack :exec
UPDATE rate_limits SET used_until = used_until - cost_seconds * interval '1 second'
 WHERE key = ANY(@keys::bytea[]);

-- Forgets what was counted.
-- name: DeleteRateLimits :exec
DELETE FROM rate_limits WHERE key = ANY(@keys::bytea[]);

-- Seconds until each of the limits has a request left.
-- name: FindRateLimitWait :one
SELECT coalesce(max(extract(epoch FROM used_until - now()) + cost_seconds - period_seconds), 0)::double precision
  FROM rate_limits WHERE key = ANY(@keys::bytea[]);

-- name: DeleteIdleRateLimits :execrows
DELETE FROM rate_limits WHERE key IN (SELECT l.key FROM rate_limits l WHERE l.used_until < now() ORDER BY l.used_until LIMIT 2000 FOR UPDATE SKIP LOCKED);

-- Takes one request from each of the limits whether it has one left or not, and returns for how
-- many seconds each of them would have refused it. What is taken in advance is bounded.
-- name: UpdateRateLimitsLater :many
INSERT INTO rate_limits AS l (key, used_until, cost_seconds, period_seconds)
SELECT asked.key, now() + asked.cost * interval '1 second', asked.cost, asked.period
  FROM (SELECT unnest(@keys::bytea[]) AS key, unnest(@costs::double precision[]) AS cost, unnest(@periods::double precision[]) AS period) AS asked
 ORDER BY asked.key
    ON CONFLICT (key) DO UPDATE
   SET used_until = least(greatest(l.used_until, now()) + excluded.cost_seconds * interval '1 second',
                          now() + (excluded.period_seconds + @most_seconds::double precision) * interval '1 second'),
       cost_seconds = excluded.cost_seconds, period_seconds = excluded.period_seconds
RETURNING (extract(epoch FROM used_until - now()) - period_seconds)::double precision AS wait_seconds;
