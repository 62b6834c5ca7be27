-- name: InsertResumption :exec
INSERT INTO resumptions (token_hash, session_id, expires_at) VALUES (@token_hash, @session_id, @expires_at);

-- The session that a pending one became, as long as nobody has used its tokens.
-- name: FindResumption :one
SELECT r.session_id, s.user_id::bigint AS user_id
  FROM resumptions r
  JOIN sessions s ON s.id = r.session_id
 WHERE r.token_hash = @token_hash AND r.expires_at > @now
   AND s.user_id IS NOT NULL AND s.ended_at IS NULL AND s.generation = 1 AND s.confirmed_at IS NULL;

-- name: DeleteOldResumptions :execrows
DELETE FROM resumptions WHERE token_hash IN (SELECT r.token_hash FROM resumptions r WHERE r.expires_at < @before::timestamptz ORDER BY r.expires_at LIMIT 2000);

-- Remembers the token of the pending session on the session that it became: the first use of
-- another token of the session is looked for then.
-- name: UpdateSessionResumed :exec
UPDATE sessions SET previous_token_hash = @token_hash::bytea, previous_token_works = false WHERE id = @id;
