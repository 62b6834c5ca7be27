-- Stores nothing unless it is wanted, in the same statement: a sign-up with a taken address must cost as much as
-- one with a new address.
--
-- Nothing is stored either where another user has the id or the subject, or where the audit log names
-- the id: its user is deleted, and data of theirs may be left elsewhere. The caller draws again.
-- name: InsertUser :execrows
INSERT INTO users (id, subject, display, password_hash, created_at, username, username_key, phone, unused_since)
SELECT @id, sqlc.narg(subject), @display, sqlc.narg(password_hash), @now::timestamptz, sqlc.narg(username), sqlc.narg(username_key), sqlc.narg(phone),
       CASE WHEN @signup::boolean THEN @now::timestamptz END
 WHERE @wanted::boolean
   AND NOT EXISTS (SELECT FROM users o WHERE o.subject = sqlc.narg(subject)::text)
   AND NOT EXISTS (SELECT FROM audit_events a WHERE a.user_id = @id)
    ON CONFLICT (id) DO NOTHING;

-- The user that a password is checked against: the one who has verified the address, or else the
-- oldest of those whom FindUserByOwnAddress finds, or else the oldest of the others. An address that a
-- stranger added to an account of theirs never comes before the account of its owner. Found also
-- when disabled or without a password: the caller spends the same work on every outcome.
-- name: FindUserByEmail :one
SELECT u.id, u.display, u.password_hash, u.unproved_password_hash, u.password_hook, u.disabled_at, e.address,
       (e.verified_at IS NOT NULL)::boolean AS proved
  FROM email_addresses e
  JOIN users u ON u.id = e.user_id
 WHERE e.address = @address
 ORDER BY (e.verified_at IS NOT NULL) DESC,
          (u.disabled_at IS NULL AND u.phone_verified_at IS NULL
           AND NOT EXISTS (SELECT FROM email_addresses v WHERE v.user_id = u.id AND v.verified_at IS NOT NULL)
           AND (@with_factor::boolean OR NOT EXISTS (SELECT FROM authenticators a WHERE a.user_id = u.id))) DESC,
          e.created_at, u.id
 LIMIT 1;

-- The user whom a code or a link that is sent to an address may let in: the one who has verified
-- it, or else the oldest of those who are not disabled, have verified nothing, and have no second
-- factor unless one may be had without a verified address (with_factor).
-- name: FindUserByOwnAddress :one
SELECT u.id, u.password_hash, u.disabled_at
  FROM email_addresses e
  JOIN users u ON u.id = e.user_id
 WHERE e.address = @address
   AND (e.verified_at IS NOT NULL
        OR u.disabled_at IS NULL AND u.phone_verified_at IS NULL
           AND NOT EXISTS (SELECT FROM email_addresses v WHERE v.user_id = u.id AND v.verified_at IS NOT NULL)
           AND (@with_factor::boolean OR NOT EXISTS (SELECT FROM authenticators a WHERE a.user_id = u.id)))
 ORDER BY (e.verified_at IS NOT NULL) DESC, e.created_at, u.id
 LIMIT 1;

-- The same for a number.
-- name: FindUserByOwnPhone :one
SELECT u.id, u.password_hash, u.disabled_at
  FROM users u
 WHERE u.phone = @phone
   AND (u.phone_verified_at IS NOT NULL
        OR u.disabled_at IS NULL
           AND NOT EXISTS (SELECT FROM email_addresses v WHERE v.user_id = u.id AND v.verified_at IS NOT NULL)
           AND (@with_factor::boolean OR NOT EXISTS (SELECT FROM authenticators a WHERE a.user_id = u.id)))
 ORDER BY (u.phone_verified_at IS NOT NULL) DESC, u.created_at, u.id
 LIMIT 1;

-- A password change, a disabling, a deletion and another sign-in wait until the new session is
-- committed. Each of them then ends or counts the session; or this statement waits and finds their result.
-- name: LockUserForSignIn :one
SELECT id, password_hash, unproved_password_hash, disabled_at, deletes_at, unused_since, restorations FROM users WHERE id = @id FOR NO KEY UPDATE;

-- A user has signed in to the account.
-- name: UpdateUserUsed :exec
UPDATE users SET unused_since = NULL WHERE id = @id;

-- name: LockUser :one
SELECT id FROM users WHERE id = @id FOR UPDATE;

-- The user as a client sees it after a sign-in.
-- name: FindUser :one
SELECT * FROM user_details WHERE id = @id;

-- name: FindUserBySubject :one
SELECT d.* FROM user_details d JOIN users u ON u.id = d.id WHERE u.subject = @subject::text;

-- How many characters the longest subject has.
-- name: FindLongestSubject :one
SELECT greatest(coalesce((SELECT length(u.id::text) FROM users u ORDER BY u.id DESC LIMIT 1), 0),
                coalesce((SELECT length(u.subject) FROM users u WHERE u.subject IS NOT NULL ORDER BY length(u.subject) DESC LIMIT 1), 0))::integer;

-- What a user can be named by at a sign-in.
-- name: ListUserNames :many
SELECT e.address::text AS name FROM email_addresses e WHERE e.user_id = @id
UNION ALL
SELECT u.phone::text FROM users u WHERE u.id = @id AND u.phone IS NOT NULL
UNION ALL
SELECT u.username::text FROM users u WHERE u.id = @id AND u.username IS NOT NULL;

-- name: UpdateUserDisplay :execrows
UPDATE users SET display = @display WHERE id = @id;

-- name: UpdateUserPassword :execrows
UPDATE users SET password_hash = @password_hash::text, unproved_password_hash = NULL, password_hook = false WHERE id = @id;

-- The password opens the account only together with a code from now on. n is 0 where there is none.
-- name: UpdateUserPasswordUnproved :execrows
UPDATE users SET unproved_password_hash = password_hash, password_hash = NULL WHERE id = @id AND password_hash IS NOT NULL;

-- The system that the user comes from verifies the password no longer.
-- name: UpdateUserPasswordHookEnded :exec
UPDATE users SET password_hook = false WHERE id = @id AND password_hook;

-- The password opens the account by itself again.
-- name: UpdateUserPasswordProved :execrows
UPDATE users SET password_hash = unproved_password_hash, unproved_password_hash = NULL
 WHERE id = @id AND password_hash IS NULL AND unproved_password_hash IS NOT NULL;

-- Only if nobody changed the password since it was checked.
-- name: UpdateUserPasswordHash :execrows
UPDATE users SET password_hash = @new_hash::text WHERE id = @id AND password_hash = @old_hash::text;

-- name: MarkUserDisabled :execrows
UPDATE users SET disabled_at = coalesce(disabled_at, @now::timestamptz) WHERE id = @id;

-- name: MarkUserEnabled :execrows
UPDATE users SET disabled_at = NULL WHERE id = @id AND disabled_at IS NOT NULL;

-- A page of all users, or of the disabled ones.
-- name: ListUsers :many
SELECT id, subject, email, email_verified_at, phone, phone_verified_at, username, created_at, disabled_at, deletes_at
  FROM user_details
 WHERE id > @after AND (NOT @disabled::boolean OR disabled_at IS NOT NULL)
 ORDER BY id
 LIMIT @most;

-- The user behind a user name: one whose name is a twin is found by the name as it is stored (twin).
-- Names of before have no key until the janitor has made it.
-- name: FindUserByUsername :one
SELECT u.id, u.display, u.password_hash, u.unproved_password_hash, u.password_hook, u.disabled_at
  FROM users u
 WHERE u.username_key IN (@key::text, @twin::text)
    OR u.username_key IS NULL AND lower(u.username COLLATE "C") = lower((@username)::text COLLATE "C")
 ORDER BY (u.username_key = @twin) DESC NULLS LAST, (u.username_key IS NOT NULL) DESC
 LIMIT 1;

-- The user behind a number: the one who has verified it, or else the oldest of those whom
-- FindUserByOwnPhone finds, or else the oldest of the others.
-- name: FindUserByPhone :one
SELECT u.id, u.display, u.password_hash, u.unproved_password_hash, u.password_hook, u.disabled_at,
       (u.phone_verified_at IS NOT NULL)::boolean AS proved
  FROM users u
 WHERE u.phone = @phone
 ORDER BY (u.phone_verified_at IS NOT NULL) DESC,
          (u.disabled_at IS NULL
           AND NOT EXISTS (SELECT FROM email_addresses v WHERE v.user_id = u.id AND v.verified_at IS NOT NULL)
           AND (@with_factor::boolean OR NOT EXISTS (SELECT FROM authenticators a WHERE a.user_id = u.id))) DESC,
          u.created_at, u.id
 LIMIT 1;

-- name: CountUsernames :one
SELECT count(*)
  FROM users
 WHERE username_key = @key::text OR username_key IS NULL AND lower(username COLLATE "C") = lower((@username)::text COLLATE "C");

-- Users of before whose names have no key yet.
-- name: ListUsersWithoutUsernameKey :many
SELECT id, username::text AS username
  FROM users
 WHERE username IS NOT NULL AND username_key IS NULL
 ORDER BY id
 LIMIT @most;

-- Gives a user name of before its key, unless another one has it.
-- name: UpdateUsernameKey :execrows
UPDATE users u SET username_key = @key::text
 WHERE u.id = @id AND u.username_key IS NULL AND NOT EXISTS (SELECT FROM users o WHERE o.username_key = @key);

-- Users whose names are twins of those of others, and the others.
-- name: ListUsernameTwins :many
SELECT coalesce(u.subject, u.id::text)::text AS subject, u.username::text AS username
  FROM users u
 WHERE u.username_key >= '=' AND u.username_key < '>'
 ORDER BY u.username_key;

-- How many accounts keep a number from another one: the one that has verified it and, unless only
-- that counts (verified), those that a code sent to the number would open (FindUserByOwnPhone).
-- name: CountPhoneOwners :one
SELECT count(*)
  FROM users u
 WHERE u.phone = @phone
   AND (u.phone_verified_at IS NOT NULL
        OR NOT @verified::boolean AND u.disabled_at IS NULL
           AND NOT EXISTS (SELECT FROM email_addresses v WHERE v.user_id = u.id AND v.verified_at IS NOT NULL)
           AND (@with_factor::boolean OR NOT EXISTS (SELECT FROM authenticators a WHERE a.user_id = u.id)));

-- name: UpdateUserPhone :execrows
UPDATE users SET phone = @phone, phone_verified_at = sqlc.narg(verified_at) WHERE id = @id;

-- What the stages of a sign-in need to know about a user. One row for any id, also for an unknown one, so that
-- it costs the same.
-- name: FindSignInFacts :one
SELECT EXISTS (SELECT FROM email_addresses e WHERE e.user_id = @id AND e.verified_at IS NOT NULL)::boolean AS has_verified_email,
       EXISTS (SELECT FROM email_addresses e WHERE e.user_id = @id AND e.verified_at IS NOT NULL AND e.address = @email)::boolean AS email_verified,
       coalesce((SELECT e.address FROM email_addresses e WHERE e.user_id = @id AND e.is_primary), '')::text AS primary_email,
       coalesce((SELECT u.phone FROM users u WHERE u.id = @id), '')::text AS phone,
       EXISTS (SELECT FROM users u WHERE u.id = @id AND u.phone_verified_at IS NOT NULL)::boolean AS phone_verified,
       ARRAY(SELECT DISTINCT a.type FROM authenticators a WHERE a.user_id = @id ORDER BY a.type)::text[] AS factors;

-- name: FindUserPassword :one
SELECT password_hash FROM users WHERE id = @id;

-- name: UpdateUserDeletion :exec
UPDATE users SET deletes_at = sqlc.narg(deletes_at) WHERE id = @id;

-- People whose date has come.
-- name: ListUsersToDelete :many
SELECT id FROM users WHERE deletes_at <= @now::timestamptz ORDER BY deletes_at LIMIT 100;

-- Race: holds off a sign-in that would call the deletion off. Nothing is found where one is
-- under way, or another server is at it (TestProviderGrant_aSignInThatCallsTheDeletionOffKeepsIt).
-- name: LockUserToDelete :one
SELECT id FROM users WHERE id = @id AND deletes_at <= @now::timestamptz FOR UPDATE SKIP LOCKED;

-- Foreign keys take everything else along.
-- name: DeleteUser :execrows
DELETE FROM users WHERE id = @id AND deletes_at <= @now::timestamptz;

-- Whether anybody has an account: `latchkey dev` takes no database that is in use.
-- name: FindAnyUser :one
SELECT EXISTS (SELECT FROM users);

-- Deletes an account of which nothing was proved or given to it. n is 0 where there is more.
-- name: DeleteUnprovedUser :execrows
DELETE FROM users u
 WHERE u.id = @id AND u.phone_verified_at IS NULL
   AND NOT EXISTS (SELECT FROM email_addresses e WHERE e.user_id = u.id AND e.verified_at IS NOT NULL)
   AND NOT EXISTS (SELECT FROM provider_accounts p WHERE p.user_id = u.id)
   AND NOT EXISTS (SELECT FROM authenticators a WHERE a.user_id = u.id)
   AND NOT EXISTS (SELECT FROM memberships m WHERE m.user_id = u.id);

-- Only where providers are connected: a reset removes them.
-- name: UpdateUserProvedElsewhere :exec
UPDATE users SET proved_elsewhere_at = @now::timestamptz
 WHERE id = @id AND EXISTS (SELECT FROM provider_accounts p WHERE p.user_id = @id);

-- name: UpdateUserProved :exec
UPDATE users SET proved_elsewhere_at = NULL WHERE id = @id AND proved_elsewhere_at IS NOT NULL;

-- A sample of the passwords that are not hashed as today, from places all over the table: which kinds there are, and
-- in which proportion.
-- name: ListForeignHashes :many
SELECT found.password_hash::text AS password_hash
  FROM (SELECT min(u.id) AS least, max(u.id) AS most FROM users u
         WHERE u.password_hash IS NOT NULL AND NOT starts_with(u.password_hash, '$argon2id$v=19$m=19456,t=2,p=1$')) AS bounds,
       generate_series(1, 64) AS probe,
       LATERAL (SELECT u.password_hash FROM users u
                 WHERE u.password_hash IS NOT NULL AND NOT starts_with(u.password_hash, '$argon2id$v=19$m=19456,t=2,p=1$')
                   AND u.id >= bounds.least + ((bounds.most - bounds.least) / 64) * (probe - 1)
                 ORDER BY u.id LIMIT 16) AS found;

-- How many passwords there are, and how many of them are not hashed as today.
-- name: CountPasswords :one
SELECT count(*) AS total,
       count(*) FILTER (WHERE NOT starts_with(password_hash, '$argon2id$v=19$m=19456,t=2,p=1$')) AS other
  FROM users WHERE password_hash IS NOT NULL;
