-- Of the listing ids that were drawn, the first that no session of the user has is taken. The user's
-- row is locked, so nothing takes it meanwhile.
-- name: InsertSession :exec
INSERT INTO sessions (id, listing_id, token_hash, user_id, created_at, expires_at, generation, rotated_at, refresh_issued_at,
                      refresh_expires_at, sends_idempotency_keys, last_seen_at, user_agent, device_name, address, methods,
                      token_expires_at)
VALUES (@id,
        (SELECT (@drawn::bigint[])[n] FROM generate_subscripts(@drawn::bigint[], 1) n
          WHERE NOT EXISTS (SELECT FROM sessions o WHERE o.user_id = @user_id::bigint AND o.listing_id = (@drawn::bigint[])[n])
          ORDER BY n LIMIT 1),
        @token_hash, @user_id::bigint, @created_at, @expires_at, 1, clock_timestamp(), @refresh_issued_at::timestamptz,
        @refresh_expires_at, false, @created_at, @user_agent, @device_name, @address, @methods,
        @token_expires_at);

-- The session of a pending sign-in. The columns for refreshing are set when the sign-in is complete.
-- name: InsertPendingSession :exec
INSERT INTO sessions (id, listing_id, token_hash, created_at, expires_at, generation, rotated_at, refresh_expires_at,
                      sends_idempotency_keys, last_seen_at, user_agent, device_name, address, methods, attempt)
VALUES (@id, @listing_id, @token_hash, @created_at, @expires_at, 1, @created_at, @expires_at,
        false, @created_at, @user_agent, @device_name, @address, '[]', @attempt);

-- name: FindPendingSessionByToken :one
SELECT s.id, s.attempt, s.expires_at, s.ended_at,
       EXISTS (SELECT FROM codes c WHERE c.session_id = s.id AND c.purpose = 'reset_password'
                  AND c.attempts_left > 0 AND c.expires_at > @now)::boolean AS resetting
  FROM sessions s WHERE s.token_hash = @token_hash AND s.user_id IS NULL;

-- Race: one step at a time in one session (TestDoor_twoSignInsInOneSessionAtOnce).
-- name: LockPendingSession :one
SELECT attempt FROM sessions WHERE id = @id AND user_id IS NULL AND ended_at IS NULL FOR NO KEY UPDATE;

-- name: UpdateSessionAttempt :exec
UPDATE sessions SET attempt = @attempt::jsonb, expires_at = greatest(expires_at, @expires_at), refresh_expires_at = greatest(expires_at, @expires_at)
 WHERE id = @id AND user_id IS NULL;

-- The sign-in is complete: the row becomes the session of a user, with a new token, and gets a listing id
-- that no other session of the user has; see InsertSession.
-- name: UpdateSessionSignedIn :execrows
UPDATE sessions
   SET listing_id = (SELECT (@drawn::bigint[])[n] FROM generate_subscripts(@drawn::bigint[], 1) n
                      WHERE NOT EXISTS (SELECT FROM sessions o WHERE o.user_id = @user_id::bigint AND o.listing_id = (@drawn::bigint[])[n])
                      ORDER BY n LIMIT 1),
       user_id = @user_id::bigint, attempt = NULL, token_hash = @token_hash, created_at = @created_at, expires_at = @expires_at,
       rotated_at = clock_timestamp(), refresh_issued_at = @refresh_issued_at::timestamptz, refresh_expires_at = @refresh_expires_at,
       last_seen_at = @created_at, methods = @methods,
       user_agent = @user_agent, device_name = @device_name, address = @address, token_expires_at = @token_expires_at
 WHERE sessions.id = @id AND sessions.user_id IS NULL AND sessions.ended_at IS NULL;

-- name: UpdateSessionMethods :exec
UPDATE sessions SET methods = @methods WHERE id = @id;

-- The session goes on under another session token. The one before is unknown from now on.
-- name: UpdateSessionToken :exec
UPDATE sessions
   SET token_hash = @token_hash, token_expires_at = @token_expires_at, previous_token_hash = NULL, previous_token_works = false
 WHERE id = @id;

-- The session gets another session token, beside the one that its client has until the new one
-- is first used: the answer that carries it may be lost.
-- name: UpdateSessionTokenKeepingPrevious :exec
UPDATE sessions
   SET previous_token_hash = CASE WHEN previous_token_works THEN previous_token_hash ELSE token_hash END,
       previous_token_works = true, token_hash = @token_hash, token_expires_at = @token_expires_at
 WHERE id = @id;

-- The session token was used: its idle end moves on, and the one before it ends where this is its
-- first use. At most one of parallel uses writes, and none waits for a lock.
-- Durability: `off`. What is lost of it, the next use writes again.
-- name: MarkSessionTokenUsed :exec
UPDATE sessions
   SET token_expires_at = greatest(token_expires_at, @token_expires_at::timestamptz),
       last_seen_at = greatest(last_seen_at, @now::timestamptz),
       previous_token_works = previous_token_works AND NOT @ends_previous::boolean
 WHERE id = (SELECT s.id FROM sessions s
              WHERE s.id = @id AND s.ended_at IS NULL AND s.token_expires_at > @now
                AND (s.token_expires_at < @due_before::timestamptz
                     OR @ends_previous AND s.previous_token_works AND s.token_hash = @token_hash)
                FOR NO KEY UPDATE SKIP LOCKED)
   AND set_config('synchronous_commit', 'off', true) = 'off';

-- The session goes on without a session token.
-- name: EndSessionToken :exec
UPDATE sessions SET token_expires_at = 'epoch' WHERE id = @id;

-- name: EndOtherSessionsOfUser :execrows
UPDATE sessions SET ended_at = @now::timestamptz, end_reason = @end_reason::text
 WHERE user_id = @user_id::bigint AND id <> @id AND ended_at IS NULL;

-- Devices that the user has signed in with recently, to recognise a new one.
-- name: ListDevicesOfUser :many
SELECT DISTINCT user_agent, device_name FROM sessions WHERE user_id = @user_id::bigint AND id <> @id AND last_seen_at > @since;

-- Ends those of a user's living sessions that are more than @most, the least recently used first.
-- The user's row is locked, so two sign-ins at once cannot both leave one too many.
-- name: EndOldestSessions :execrows
UPDATE sessions SET ended_at = @now::timestamptz, end_reason = @end_reason::text
 WHERE id IN (SELECT s.id FROM sessions s JOIN session_details d ON d.id = s.id
               WHERE s.user_id = @user_id::bigint AND d.ended_at IS NULL AND d.lives_until > @now
               ORDER BY s.last_seen_at DESC, s.created_at DESC, s.id
              OFFSET @most::integer);

-- name: ListSessions :many
SELECT s.id, s.listing_id, s.created_at, s.last_seen_at, s.user_agent, s.device_name, s.address
  FROM sessions s
  JOIN session_details d ON d.id = s.id
 WHERE s.user_id = @user_id::bigint AND d.ended_at IS NULL AND d.disabled_at IS NULL AND d.lives_until > @now::timestamptz
 ORDER BY s.created_at DESC, s.id;

-- name: EndListedSessions :many
UPDATE sessions SET ended_at = @now::timestamptz, end_reason = @end_reason::text
 WHERE user_id = @user_id::bigint AND listing_id = ANY(@listing_ids::bigint[]) AND ended_at IS NULL
RETURNING id;

-- name: FindSession :one
SELECT * FROM session_details WHERE id = @id;

-- By the session token that was handed out last, or by the one before it.
-- name: FindSessionByToken :one
SELECT * FROM session_details WHERE token_hash = @token_hash OR previous_token_hash = @token_hash;

-- A session whose refresh token was presented: when that token was issued, and how many seconds
-- old the generation is by the clock of the database. clock_timestamp, because a transaction that
-- waited for the lock began before the generation that it finds.
-- name: FindSessionToRefresh :one
SELECT sqlc.embed(session_details),
       coalesce(s.refresh_issued_at, s.rotated_at)::timestamptz AS refresh_issued_at,
       s.exchanged_generation,
       extract(epoch FROM clock_timestamp() - s.rotated_at)::double precision AS age
  FROM session_details
  JOIN sessions s ON s.id = session_details.id
 WHERE session_details.id = @id;

-- The fast path of a refresh: replaces a generation if, and only if, the presented one is the
-- current one, is not young (session.Judge defines young), and the session is active. No row means that the
-- caller has to read the session and decide. The age is measured by the clock of the database.
-- Durability: `local`. What a fail-over loses of it, Adopt repairs.
-- name: UpdateSessionGeneration :one
UPDATE sessions s
   SET generation = s.generation + 1,
       rotated_at = clock_timestamp(),
       refresh_issued_at = @refresh_issued_at::timestamptz,
       refresh_expires_at = least(s.expires_at, @refresh_expires_at),
       confirmed_at = NULL,
       idempotency_key_hash = sqlc.narg(idempotency_key_hash),
       token_expires_at = CASE WHEN @ends_session_token::boolean THEN 'epoch' ELSE s.token_expires_at END,
       sends_idempotency_keys = s.sends_idempotency_keys OR sqlc.narg(idempotency_key_hash)::bytea IS NOT NULL
  FROM user_details u
 WHERE s.id = @id AND s.generation = @generation AND u.subject = @subject::text
   AND s.ended_at IS NULL AND s.expires_at > @now AND s.refresh_expires_at > @now
   AND (s.rotated_at <= now() - make_interval(secs => @grace::double precision)
        OR s.rotated_at >= now() + make_interval(secs => @grace))
   AND u.id = s.user_id AND u.disabled_at IS NULL
   AND set_config('synchronous_commit', 'local', true) = 'local'
RETURNING s.generation, s.refresh_expires_at, s.methods,
       u.id AS user_id, u.display, u.has_usable_password, u.email, u.tenant_id, u.username;

-- Lock first and alone, then read: a join with FOR UPDATE lets a waiting refresh read a stale row.
-- name: LockSession :one
SELECT id FROM sessions WHERE id = @id FOR UPDATE;

-- Rotate or Adopt, on a row that is locked after session.Judge has decided.
-- name: MarkSessionRotated :exec
UPDATE sessions
   SET generation = @generation, rotated_at = clock_timestamp(), refresh_issued_at = @refresh_issued_at::timestamptz,
       refresh_expires_at = least(expires_at, @refresh_expires_at), confirmed_at = NULL,
       idempotency_key_hash = sqlc.narg(idempotency_key_hash),
       token_expires_at = CASE WHEN @ends_session_token::boolean THEN 'epoch' ELSE token_expires_at END,
       exchanged_generation = coalesce(sqlc.narg(exchanged_generation), exchanged_generation),
       sends_idempotency_keys = sends_idempotency_keys OR sqlc.narg(idempotency_key_hash)::bytea IS NOT NULL
 WHERE id = @id;

-- The answer to a refresh without a key was handed out again to a caller with one: from now on the
-- session sends keys, and this is the one of its generation.
-- name: MarkSessionSendsKeys :exec
UPDATE sessions SET sends_idempotency_keys = true, idempotency_key_hash = @idempotency_key_hash WHERE id = @id;

-- Once per generation, when its use is first seen. Losing it only makes a replay kinder, so it
-- does not wait for the disk.
-- name: MarkSessionConfirmed :exec
UPDATE sessions SET confirmed_at = @now::timestamptz, last_seen_at = @now::timestamptz
 WHERE id = @id AND generation = @generation AND confirmed_at IS NULL AND ended_at IS NULL
   AND set_config('synchronous_commit', 'off', true) = 'off';

-- Ends the session that a token names, where it is still its user's.
-- name: EndSessionOfSubject :one
UPDATE sessions s SET ended_at = @now::timestamptz, end_reason = @end_reason::text
  FROM user_details u
 WHERE s.id = @id AND u.id = s.user_id AND u.subject = @subject::text AND s.ended_at IS NULL
RETURNING u.id;

-- name: EndSession :execrows
UPDATE sessions SET ended_at = @now::timestamptz, end_reason = @end_reason::text WHERE id = @id AND ended_at IS NULL;

-- name: EndSessionsOfUser :execrows
UPDATE sessions SET ended_at = @now::timestamptz, end_reason = @end_reason::text WHERE user_id = @user_id::bigint AND ended_at IS NULL;

-- Ends the sessions that a sign-in with an account at a provider opened; a proof in a session that
-- was opened otherwise is no such sign-in.
-- name: EndSessionsOfProvider :execrows
UPDATE sessions SET ended_at = @now::timestamptz, end_reason = @end_reason::text
 WHERE user_id = @user_id::bigint AND ended_at IS NULL
   AND EXISTS (SELECT FROM jsonb_array_elements(methods) m
                WHERE m->>'method' = 'socialaccount' AND m->>'provider' = @provider::text AND m->>'uid' = @uid::text
                  AND m->'reauthenticated' IS NULL);

-- Ends a step of all sessions that have not ended or expired, those of unfinished sign-ins too, in
-- the order of their ids. The caller goes on after the greatest id of the step.
-- name: EndSessionsOfAllUsers :many
UPDATE sessions SET ended_at = @now::timestamptz, end_reason = @end_reason::text
 WHERE id IN (SELECT s.id FROM sessions s
               WHERE s.id > @after::uuid AND s.ended_at IS NULL AND s.expires_at > @now
               ORDER BY s.id
               LIMIT @most::integer
                 FOR NO KEY UPDATE)
RETURNING id;

-- Whose session a secret is of, if it was used lately and not ended because it was stolen.
-- name: FindKnownDevice :one
SELECT s.id, s.user_id::bigint AS user_id FROM sessions s
 WHERE (s.id = sqlc.narg(id)::uuid OR s.token_hash = sqlc.narg(token_hash)::bytea) AND s.user_id IS NOT NULL
   AND s.last_seen_at > @since AND s.end_reason IS DISTINCT FROM 'reuse_detected';

-- How many living sessions have not been refreshed since a moment.
-- name: CountSessionsLastRotatedBefore :one
SELECT count(*) FROM sessions
 WHERE ended_at IS NULL AND expires_at > @now AND refresh_expires_at > @now AND rotated_at < @since;

-- Sessions of sign-ins that were never completed. They can be had without an account, so they go
-- as soon as they have expired.
-- name: DeleteOldPendingSessions :execrows
DELETE FROM sessions WHERE id IN (
    SELECT s.id FROM sessions s WHERE s.user_id IS NULL AND s.expires_at < @now ORDER BY s.expires_at LIMIT 2000);

-- Sessions that nobody can use any more are kept for a while, so that a client that comes with
-- one of their tokens learns why. The janitor reads the table in pages: an index on the times
-- that each refresh moves would cost every refresh more than the pages cost the janitor.
-- name: DeleteOldSessionsOfPage :one
WITH page AS MATERIALIZED (
    SELECT s.id, (s.ended_at < @before::timestamptz OR s.expires_at < @before OR greatest(s.refresh_expires_at, s.token_expires_at) < @before) AS old, s.user_id
      FROM sessions s WHERE s.id > @after ORDER BY s.id LIMIT 2000
), gone AS (
    DELETE FROM sessions s USING page
     WHERE s.id = page.id AND page.old AND page.user_id IS NOT NULL
       AND (s.ended_at < @before OR s.expires_at < @before OR greatest(s.refresh_expires_at, s.token_expires_at) < @before)
 RETURNING s.id
)
SELECT (SELECT count(*) FROM page)::bigint AS found, (SELECT count(*) FROM gone)::bigint AS removed,
       coalesce((SELECT page.id FROM page ORDER BY page.id DESC LIMIT 1), @after)::uuid AS last;
