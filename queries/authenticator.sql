-- Nothing is stored where the id is in use: the caller draws another one.
-- name: InsertAuthenticator :execrows
INSERT INTO authenticators (id, user_id, type, name, created_at, sealed, spent, misses)
VALUES (@id, @user_id, @type, @name, @now, @sealed, @spent, 0)
    ON CONFLICT (id) DO NOTHING;

-- A key that another user has is not stored: a credential id is unique across users (SEC-62).
-- name: InsertWebAuthnCredential :execrows
INSERT INTO webauthn_credentials (authenticator_id, credential_id, public_key, sign_count, aaguid, transports, backup_eligible, backup_state, passwordless)
VALUES (@authenticator_id, @credential_id, @public_key, @sign_count, @aaguid, @transports, @backup_eligible, @backup_state, sqlc.narg(passwordless))
    ON CONFLICT (credential_id) DO NOTHING;

-- name: ListAuthenticators :many
SELECT * FROM authenticators WHERE user_id = @user_id ORDER BY created_at, id;

-- What answers tell about them: recovery codes after the factor that they came along with.
-- name: ListShownAuthenticators :many
SELECT sqlc.embed(a), w.passwordless
  FROM authenticators a
  LEFT JOIN webauthn_credentials w ON w.authenticator_id = a.id
 WHERE a.user_id = @user_id ORDER BY a.created_at, a.type = 'recovery_codes', a.id;

-- name: FindPasswordless :one
SELECT passwordless FROM webauthn_credentials WHERE authenticator_id = @id;

-- name: ListAuthenticatorTypes :many
SELECT DISTINCT type FROM authenticators WHERE user_id = @user_id ORDER BY type;

-- name: FindAuthenticator :one
SELECT * FROM authenticators WHERE user_id = @user_id AND type = @type;

-- Those that a user used last come first: options list no more than @most.
-- name: ListWebAuthnCredentials :many
SELECT w.* FROM webauthn_credentials w JOIN authenticators a ON a.id = w.authenticator_id
 WHERE a.user_id = @user_id ORDER BY coalesce(a.last_used_at, a.created_at) DESC, a.id LIMIT @most::integer;

-- The passkey of a sign-in, with its user.
-- name: FindPasskey :one
SELECT w.*, a.user_id, u.display, u.password_hash, u.disabled_at
  FROM webauthn_credentials w
  JOIN authenticators a ON a.id = w.authenticator_id
  JOIN users u ON u.id = a.user_id
 WHERE w.credential_id = @credential_id AND u.webauthn_handle = @handle::bytea;

-- Race: the statement decides. Of one code that is sent many times at once, one moves the step
-- (TestSEC53_aTOTPCodeWorksOnce).
-- name: MarkTOTPUsed :execrows
UPDATE authenticators SET spent = @step, misses = 0, last_used_at = @now::timestamptz WHERE id = @id AND spent < @step;

-- Race: the statement decides. Of one code that is sent many times at once, one sets the bit
-- (TestRecoveryCodes_areShownUsedOnceAndReplaced).
-- name: MarkRecoveryCodeUsed :execrows
UPDATE authenticators SET spent = spent | @bit::bigint, misses = 0, last_used_at = @now::timestamptz WHERE id = @id AND spent & @bit::bigint = 0;

-- name: MarkAuthenticatorUsed :exec
UPDATE authenticators SET misses = 0, last_used_at = @now::timestamptz WHERE id = @id;

-- name: MarkRecoveryCodesViewed :exec
UPDATE authenticators SET viewed_at = coalesce(viewed_at, @now::timestamptz) WHERE id = @id;

-- The signature counter and the backup state change with each use. Of two parallel uses with one count,
-- one changes the row (zero: the authenticator does not count).
-- name: UpdateWebAuthnCredential :one
UPDATE webauthn_credentials w SET sign_count = @sign_count, backup_eligible = @backup_eligible, backup_state = @backup_state
  FROM authenticators a
 WHERE w.credential_id = @credential_id AND a.id = w.authenticator_id AND a.user_id = @user_id
   AND (w.sign_count < @sign_count OR w.sign_count = 0 AND @sign_count = 0)
RETURNING w.authenticator_id;

-- name: UpdateAuthenticatorMisses :exec
UPDATE authenticators SET misses = misses + 1 WHERE user_id = @user_id AND type = @type;

-- A right factor forgives the wrong ones of all.
-- name: UpdateAuthenticatorsForgiven :exec
UPDATE authenticators SET misses = 0 WHERE user_id = @user_id AND misses > 0;

-- name: UpdateAuthenticatorName :one
UPDATE authenticators SET name = @name WHERE id = @id AND user_id = @user_id AND type = 'webauthn' RETURNING *;

-- name: UpdateAuthenticatorSealed :execrows
UPDATE authenticators SET sealed = @sealed WHERE id = @id AND sealed = @before;

-- name: DeleteAuthenticators :many
DELETE FROM authenticators WHERE user_id = @user_id AND type = @type RETURNING id;

-- name: DeleteWebAuthnAuthenticators :many
DELETE FROM authenticators WHERE user_id = @user_id AND type = 'webauthn' AND id = ANY(@ids::bigint[]) RETURNING id, name;

-- name: FindUserWebAuthnHandle :one
SELECT webauthn_handle FROM users WHERE id = @id;

-- Of two that make one at once, the first one's stays.
-- name: UpdateUserWebAuthnHandle :one
UPDATE users SET webauthn_handle = coalesce(webauthn_handle, @handle::bytea) WHERE id = @id RETURNING webauthn_handle;

-- Everything of theirs that is sealed, a page at a time.
-- name: ListSealedAuthenticators :many
SELECT id, user_id, sealed FROM authenticators WHERE sealed IS NOT NULL AND id > @after ORDER BY id LIMIT 500;
