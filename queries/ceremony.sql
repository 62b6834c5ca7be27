-- What a session is asked takes the place of what it was asked before.
-- name: InsertCeremony :exec
INSERT INTO ceremonies (session_id, purpose, sealed, expires_at) VALUES (@session_id, @purpose, @sealed, @expires_at)
    ON CONFLICT (session_id, purpose) DO UPDATE SET sealed = excluded.sealed, expires_at = excluded.expires_at;

-- name: FindCeremony :one
SELECT sealed FROM ceremonies WHERE session_id = @session_id AND purpose = @purpose AND expires_at > @now;

-- Race: an answer deletes the challenge, right or wrong: of many parallel answers, one is verified
-- (TestWebAuthn_anAnswerIsJudgedOnce).
-- name: DeleteCeremony :one
DELETE FROM ceremonies WHERE session_id = @session_id AND purpose = @purpose RETURNING sealed, expires_at;

-- name: DeleteOldCeremonies :execrows
DELETE FROM ceremonies WHERE (session_id, purpose) IN (SELECT c.session_id, c.purpose FROM ceremonies c WHERE c.expires_at <= @now ORDER BY c.expires_at LIMIT 2000);
