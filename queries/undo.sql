-- The ways into an account, as they are stored. Lock the user first: what another transaction
-- changed meanwhile would be missing.
-- name: FindWays :one
SELECT jsonb_build_object(
           'emails', coalesce((SELECT jsonb_agg(to_jsonb(e) ORDER BY e.created_at, e.address) FROM email_addresses e WHERE e.user_id = u.id), '[]'),
           'phone', u.phone,
           'phone_verified_at', u.phone_verified_at,
           'providers', coalesce((SELECT jsonb_agg(to_jsonb(p) - 'grant_sealed' ORDER BY p.provider, p.uid) FROM provider_accounts p WHERE p.user_id = u.id), '[]'),
           'passkeys', coalesce((SELECT jsonb_agg(jsonb_build_object('authenticator', to_jsonb(a), 'credential', to_jsonb(w)) ORDER BY w.credential_id)
                                   FROM authenticators a JOIN webauthn_credentials w ON w.authenticator_id = a.id
                                  WHERE a.user_id = u.id), '[]')
       )::jsonb AS ways
  FROM users u
 WHERE u.id = @user_id;

-- The user's row is locked, so that no two changes get one number.
-- name: InsertAccountChange :one
INSERT INTO account_changes (user_id, number, kind, platform, network, ways, changed_at, expires_at)
SELECT @user_id, coalesce(max(c.number), 0) + 1, @kind, @platform, @network, @ways, @now, @expires_at
  FROM account_changes c
 WHERE c.user_id = @user_id
RETURNING number;

-- name: InsertUndoLink :exec
INSERT INTO undo_links (key_hash, user_id, change, target) VALUES (@key_hash, @user_id, @change, @target);

-- An undo link with its change. One that was spent is found, too: its user learns that.
-- name: FindUndoLink :one
SELECT l.user_id, l.change, l.target, l.spent_at, c.ways, c.expires_at
  FROM undo_links l
  JOIN account_changes c ON c.user_id = l.user_id AND c.number = l.change
 WHERE l.key_hash = @key_hash AND c.expires_at > @now;

-- The changes of a user that can be undone, the oldest first.
-- name: ListAccountChanges :many
SELECT number, kind, platform, network, changed_at
  FROM account_changes
 WHERE user_id = @user_id AND undone_at IS NULL AND expires_at > @now
 ORDER BY number;

-- Everything that is kept of a user's changes.
-- name: ListKeptChanges :many
SELECT kind, platform, network, changed_at, ways FROM account_changes WHERE user_id = @user_id ORDER BY number;

-- An undo restores what was before a change, so that all later changes are undone, too.
-- name: MarkChangesUndone :exec
UPDATE account_changes SET undone_at = @now::timestamptz WHERE user_id = @user_id AND number >= @number AND undone_at IS NULL;

-- Voids the links of the changes that were undone. Those of earlier changes stay, wherever they went: a
-- thief who has removed the owner's address must not void its links by undoing a change of their own.
-- name: MarkUndoLinksSpent :exec
UPDATE undo_links SET spent_at = @now::timestamptz
 WHERE user_id = @user_id AND change >= @number AND spent_at IS NULL;

-- Whatever attempt to sign in began before is void from now on.
-- name: UpdateUserRestored :exec
UPDATE users SET restorations = restorations + 1, password_hash = NULL, unproved_password_hash = NULL, password_hook = false WHERE id = @id;

-- name: UpdateEmailAddressUnverified :exec
UPDATE email_addresses SET verified_at = NULL WHERE user_id = @user_id AND address = @address;

-- Stores an address as it was, in the place of one that was added again since.
-- name: InsertEmailAddressBack :exec
INSERT INTO email_addresses (user_id, address, verified_at, is_primary, created_at)
VALUES (@user_id, @address, @verified_at, false, @created_at)
    ON CONFLICT (user_id, address) DO UPDATE SET verified_at = excluded.verified_at, created_at = excluded.created_at;

-- Nothing is stored where the provider account belongs to another user by now.
-- name: InsertProviderAccountBack :execrows
INSERT INTO provider_accounts
SELECT (jsonb_populate_record(NULL::provider_accounts, @row::jsonb)).*
    ON CONFLICT (provider, uid) DO NOTHING;

-- Nothing is stored where another authenticator has the id by now: the caller draws another one.
-- name: InsertAuthenticatorBack :execrows
INSERT INTO authenticators
SELECT (jsonb_populate_record(NULL::authenticators, @row::jsonb || jsonb_build_object('id', @id::bigint))).*
    ON CONFLICT (id) DO NOTHING;

-- Nothing is stored where another user has the credential by now.
-- name: InsertWebAuthnCredentialBack :execrows
INSERT INTO webauthn_credentials
SELECT (jsonb_populate_record(NULL::webauthn_credentials, @row::jsonb || jsonb_build_object('authenticator_id', @authenticator_id::bigint))).*
    ON CONFLICT (credential_id) DO NOTHING;

-- name: DeleteOldAccountChanges :execrows
DELETE FROM account_changes
 WHERE (user_id, number) IN (SELECT c.user_id, c.number FROM account_changes c WHERE c.expires_at <= @now ORDER BY c.expires_at LIMIT 2000);

-- The user who has verified a number, if any.
-- name: FindVerifiedPhoneOwner :one
SELECT id FROM users WHERE phone = @phone AND phone_verified_at IS NOT NULL;
