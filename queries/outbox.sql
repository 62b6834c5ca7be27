-- Stores a message and, unless the workers only poll, wakes them at the commit. The topic and
-- the text are river's: it would send the same, but not with every job.
-- name: InsertMessage :exec
WITH message AS (
    INSERT INTO messages (id, kind, user_id, sealed, created_at) VALUES (@id, @kind, sqlc.narg(user_id), @sealed, @now)
)
SELECT pg_notify('river.river_insert', '{"queue": "default"}') WHERE @wake::boolean;

-- name: FindMessage :one
SELECT id, kind, sealed, sent_at, failed_at FROM messages WHERE id = @id;

-- name: MarkMessageSent :exec
UPDATE messages SET sent_at = @now::timestamptz, sealed = NULL, failed_at = NULL, failure = NULL WHERE id = @id AND sent_at IS NULL;

-- What was given up stays sealed for a while, so that it can be tried again.
-- name: MarkMessageFailed :exec
UPDATE messages SET failed_at = @now::timestamptz, failure = @failure::text WHERE id = @id AND sent_at IS NULL;

-- Those that were given up, the newest first.
-- name: ListFailedMessages :many
SELECT m.id, m.kind, u.id AS user_id, u.subject, m.created_at, m.failed_at, m.failure, (m.sealed IS NOT NULL)::boolean AS can_be_retried
  FROM messages m
  LEFT JOIN users u ON u.id = m.user_id
 WHERE m.failed_at IS NOT NULL AND m.sent_at IS NULL
 ORDER BY m.id DESC LIMIT @most::integer;

-- name: CountWaitingMessages :one
SELECT count(*) FROM messages WHERE sent_at IS NULL AND failed_at IS NULL;

-- What waits and what was given up, for metrics. A message that was sent is not sealed any more.
-- name: ShowOutbox :one
SELECT (count(*) - count(failed_at))::bigint AS waiting, count(failed_at) AS failed,
       coalesce(min(created_at) FILTER (WHERE failed_at IS NULL), @now::timestamptz)::timestamptz AS oldest
  FROM messages WHERE sealed IS NOT NULL AND sent_at IS NULL;

-- name: MarkMessageRetried :one
UPDATE messages SET failed_at = NULL, failure = NULL
 WHERE id = @id AND failed_at IS NOT NULL AND sent_at IS NULL AND sealed IS NOT NULL
RETURNING id;

-- What old messages said is erased even where they never went out.
-- name: UpdateOldMessages :execrows
UPDATE messages SET sealed = NULL, failed_at = coalesce(failed_at, @now::timestamptz), failure = coalesce(failure, 'too_old')
 WHERE id IN (SELECT m.id FROM messages m WHERE m.created_at < @before::timestamptz AND m.sealed IS NOT NULL ORDER BY m.created_at LIMIT 2000);

-- name: DeleteOldMessages :execrows
DELETE FROM messages WHERE id IN (SELECT m.id FROM messages m WHERE m.created_at < @before::timestamptz ORDER BY m.created_at LIMIT 2000);

-- Those that are sealed, a page at a time.
-- name: ListSealedMessages :many
SELECT id, kind, sealed FROM messages WHERE sealed IS NOT NULL AND id > @after ORDER BY id LIMIT 500;

-- name: UpdateMessageSealed :execrows
UPDATE messages SET sealed = @sealed WHERE id = @id AND sealed = @before;
