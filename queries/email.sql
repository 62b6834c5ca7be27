-- Race: two sign-ups with one address wait for each other here; a unique index cannot do it,
-- since several users may have the same unverified address (TestSignup_oneAddressSignedUpInParallelBecomesOneAccount).
-- name: LockAddress :exec
SELECT pg_advisory_xact_lock(hashtextextended(@address::text, 7105));

-- How many accounts besides one keep an address from a new account: the one that has verified it
-- and, unless only that counts (verified), those that a reset mailed to the address would open
-- (FindUserByOwnAddress). An unverified address of any other account keeps nobody out. An address of
-- before that keeps its form counts for its normal form.
-- name: CountAddressOwners :one
SELECT count(*)
  FROM email_addresses e
  JOIN users u ON u.id = e.user_id
 WHERE (e.address = @address OR e.normal_form = @address::text) AND e.user_id <> @besides
   AND (e.verified_at IS NOT NULL
        OR NOT @verified::boolean AND u.disabled_at IS NULL AND u.phone_verified_at IS NULL
           AND NOT EXISTS (SELECT FROM email_addresses v WHERE v.user_id = u.id AND v.verified_at IS NOT NULL)
           AND (@with_factor::boolean OR NOT EXISTS (SELECT FROM authenticators a WHERE a.user_id = u.id)));

-- Nothing is stored for a user that was not, in the same statement.
-- name: InsertEmailAddress :exec
INSERT INTO email_addresses (user_id, address, verified_at, is_primary, created_at)
SELECT u.id, @address, sqlc.narg(verified_at), @is_primary, @now FROM users u WHERE u.id = @user_id;

-- name: ListEmailAddresses :many
SELECT address, verified_at, is_primary FROM email_addresses WHERE user_id = @user_id ORDER BY created_at, address;

-- The user who has verified an address, if any.
-- name: FindVerifiedHolder :one
SELECT user_id FROM email_addresses WHERE address = @address AND verified_at IS NOT NULL;

-- Stores the address if the user does not have it yet, verified, and as the primary one if requested.
-- name: UpdateEmailAddressVerified :exec
INSERT INTO email_addresses (user_id, address, verified_at, is_primary, created_at)
VALUES (@user_id, @address, @now::timestamptz, @is_primary, @now::timestamptz)
    ON CONFLICT (user_id, address) DO UPDATE
   SET verified_at = coalesce(email_addresses.verified_at, excluded.verified_at),
       is_primary = email_addresses.is_primary OR excluded.is_primary;

-- name: UpdatePrimaryEmailAddress :execrows
UPDATE email_addresses SET is_primary = (address = @address) WHERE user_id = @user_id AND is_primary <> (address = @address);

-- Clears the primary flag before another address gets it: the index allows one per user.
-- name: UpdateNoPrimaryEmailAddress :exec
UPDATE email_addresses SET is_primary = false WHERE user_id = @user_id AND is_primary;

-- name: DeleteEmailAddress :execrows
DELETE FROM email_addresses WHERE user_id = @user_id AND address = @address;

-- name: DeleteOtherEmailAddresses :many
DELETE FROM email_addresses WHERE user_id = @user_id AND address <> @address RETURNING address, verified_at;

-- name: DeleteUnverifiedEmailAddresses :exec
DELETE FROM email_addresses WHERE user_id = @user_id AND verified_at IS NULL AND NOT is_primary;

-- Replaces the unverified address of a pending sign-up.
-- name: UpdateSignupEmailAddress :exec
UPDATE email_addresses SET address = @address, created_at = @now WHERE user_id = @user_id AND verified_at IS NULL AND is_primary;

-- The address that security notices go to: a verified one, the primary one before the others.
-- name: FindNoticeAddress :one
SELECT address FROM email_addresses
 WHERE user_id = @user_id AND verified_at IS NOT NULL
 ORDER BY is_primary DESC, created_at, address
 LIMIT 1;

-- The accounts that have an address without having verified it, or in another form, for an operator
-- to choose from.
-- name: ListAddressCandidates :many
SELECT u.id, coalesce(u.subject, u.id::text)::text AS subject, coalesce(p.address, '')::text AS primary_email, (p.verified_at IS NOT NULL)::boolean AS primary_verified,
       (u.disabled_at IS NOT NULL)::boolean AS disabled
  FROM email_addresses e
  JOIN users u ON u.id = e.user_id
  LEFT JOIN email_addresses p ON p.user_id = u.id AND p.is_primary
 WHERE e.address = @address AND e.verified_at IS NULL OR e.normal_form = @address::text
 ORDER BY e.created_at, u.id
 LIMIT @most::integer;

-- Whether an account has an unverified address, and has verified neither an address nor a number.
-- name: FindUnproved :one
SELECT (EXISTS (SELECT FROM email_addresses e WHERE e.user_id = @user_id)
        AND NOT EXISTS (SELECT FROM email_addresses e WHERE e.user_id = @user_id AND e.verified_at IS NOT NULL)
        AND NOT EXISTS (SELECT FROM users u WHERE u.id = @user_id AND u.phone_verified_at IS NOT NULL))::boolean AS unproved;

-- name: DeleteEmailAddresses :many
DELETE FROM email_addresses WHERE user_id = @user_id RETURNING address, verified_at, is_primary;

-- name: DeleteRejectedEmailAddress :execrows
DELETE FROM email_addresses WHERE user_id = @user_id AND address = @address AND verified_at IS NULL;
