-- One import at a time. The lock is the connection's.
-- name: TryImportLock :one
SELECT pg_try_advisory_lock(hashtext('latchkey import'))::boolean;

-- Staging. None of these tables is one of the schema: see internal/postgres/staging.sql.

-- name: StageUsers :copyfrom
INSERT INTO import_users (line, id, subject, own_subject, is_here, is_imported, is_unchanged, display, username, username_key, created_at,
                          disabled, password_hash, password_hook, phone, phone_verified, webauthn_handle, line_hash)
VALUES (@line, @id, @subject, @own_subject, @is_here, @is_imported, @is_unchanged, @display, @username, @username_key, @created_at,
        @disabled, @password_hash, @password_hook, @phone, @phone_verified, @webauthn_handle, @line_hash);

-- name: StageEmails :copyfrom
INSERT INTO import_emails (line, user_id, address, is_verified, is_primary) VALUES (@line, @user_id, @address, @is_verified, @is_primary);

-- name: StageAuthenticators :copyfrom
INSERT INTO import_authenticators (line, id, user_id, type, name, created_at, last_used_at, sealed, spent, viewed_at)
VALUES (@line, @id, @user_id, @type, @name, @created_at, @last_used_at, @sealed, @spent, @viewed_at);

-- name: StageCredentials :copyfrom
INSERT INTO import_credentials (line, user_id, authenticator_id, credential_id, public_key, sign_count, aaguid, transports, backup_eligible,
                                backup_state, passwordless)
VALUES (@line, @user_id, @authenticator_id, @credential_id, @public_key, @sign_count, @aaguid, @transports, @backup_eligible,
        @backup_state, @passwordless);

-- name: StageProviders :copyfrom
INSERT INTO import_providers (line, user_id, provider, uid, display, client_id, grant_sealed, created_at, last_used_at)
VALUES (@line, @user_id, @provider, @uid, @display, @client_id, @grant_sealed, @created_at, @last_used_at);

-- name: StageMemberships :copyfrom
INSERT INTO import_memberships (line, user_id, tenant, is_primary, created_at) VALUES (@line, @user_id, @tenant, @is_primary, @created_at);

-- name: StageTenants :copyfrom
INSERT INTO import_tenants (line, id, subject, name, created_at) VALUES (@line, @id, @subject, @name, @created_at);

-- name: StageSessions :copyfrom
INSERT INTO import_sessions (line, id, listing_id, token_hash, subject, user_id, last_seen_at, expires_at, refresh_expires_at,
                             token_expires_at, user_agent, address, methods)
VALUES (@line, @id, @listing_id, @token_hash, @subject, @user_id, @last_seen_at, @expires_at, @refresh_expires_at,
        @token_expires_at, @user_agent, @address, @methods);

-- name: StageRefreshTokens :copyfrom
INSERT INTO import_refresh_tokens (line, token_hash, jti_hash, expires_at) VALUES (@line, @token_hash, @jti_hash, @expires_at);

-- name: StageGone :copyfrom
INSERT INTO import_gone (line, subject, token_hash) VALUES (@line, @subject, @token_hash);

-- name: StageConflicts :copyfrom
INSERT INTO import_conflicts (line, kind, subject, member, problem, is_accepted) VALUES (@line, @kind, @subject, @member, @problem, @is_accepted);

-- What is here already of the users of some lines.

-- name: ListUsersBySubject :many
SELECT u.id, coalesce(u.subject, u.id::text)::text AS subject, i.line_hash, (u.disabled_at IS NOT NULL)::boolean AS is_disabled
  FROM users u LEFT JOIN imported_users i ON i.user_id = u.id
 WHERE u.id = ANY(@ids::bigint[]) AND u.subject IS NULL
 UNION ALL
SELECT u.id, u.subject::text, i.line_hash, (u.disabled_at IS NOT NULL)::boolean
  FROM users u LEFT JOIN imported_users i ON i.user_id = u.id
 WHERE u.subject = ANY(@subjects::text[]);

-- name: ListAuthenticatorsOf :many
SELECT a.id, a.user_id, a.type, w.credential_id
  FROM authenticators a LEFT JOIN webauthn_credentials w ON w.authenticator_id = a.id
 WHERE a.user_id = ANY(@user_ids::bigint[]);

-- name: ListTakenAuthenticators :many
SELECT id, user_id FROM authenticators WHERE id = ANY(@ids::bigint[]);

-- Conflicts among the lines, and with what is here.

-- name: ConflictsOfUserLines :exec
INSERT INTO import_conflicts (line, kind, subject, member, problem, is_accepted)
SELECT u.line, 'line_twice', u.subject, 'id', 'line ' || f.line || ' is of the same user', false
  FROM import_users u
  JOIN (SELECT subject, min(line) AS line FROM import_users GROUP BY subject HAVING count(*) > 1) f ON f.subject = u.subject AND f.line < u.line
 UNION ALL
SELECT u.line, 'line_twice', u.subject, 'id', 'line ' || g.line || ' says that the user does not exist any more', false
  FROM import_users u JOIN import_gone g ON g.subject = u.subject;

-- A user who is here, and whom no import made: by what names them outside, or by the id of this database.
-- name: ConflictsOfOtherUsers :exec
INSERT INTO import_conflicts (line, kind, subject, member, problem, is_accepted)
SELECT u.line, 'id_taken', u.subject, 'id', 'a user who was not imported has this id here', false
  FROM import_users u
 WHERE u.is_here AND NOT u.is_imported
    OR NOT u.is_here AND EXISTS (SELECT FROM users o WHERE o.id = u.id);

-- name: ConflictsOfEmails :exec
WITH claims AS (
    SELECT e.address, e.user_id, e.line, row_number() OVER (PARTITION BY e.address ORDER BY e.line) AS place,
           first_value(e.line) OVER (PARTITION BY e.address ORDER BY e.line) AS first_line,
           first_value(e.user_id) OVER (PARTITION BY e.address ORDER BY e.line) AS first_user
      FROM import_emails e WHERE e.is_verified
)
INSERT INTO import_conflicts (line, kind, subject, member, problem, is_accepted)
SELECT c.line, 'email_twice', u.subject, 'emails', 'the user of line ' || c.first_line || ' has verified the same address', false
  FROM claims c JOIN import_users u ON u.line = c.line
 WHERE c.place > 1 AND c.first_user <> c.user_id
 UNION ALL
SELECT c.line, 'email_twice', u.subject, 'emails', 'user ' || coalesce(o.subject, o.id::text) || ' of this database has verified the same address', false
  FROM claims c
  JOIN import_users u ON u.line = c.line
  JOIN email_addresses e ON e.address = c.address AND e.verified_at IS NOT NULL
  JOIN users o ON o.id = e.user_id
 WHERE c.place = 1 AND NOT EXISTS (SELECT FROM import_users n WHERE n.id = e.user_id)
   AND NOT EXISTS (SELECT FROM import_gone g WHERE g.subject = coalesce(o.subject, o.id::text));

-- name: ConflictsOfUsernames :exec
WITH claims AS (
    SELECT u.username_key, u.id, u.line, u.subject, row_number() OVER (PARTITION BY u.username_key ORDER BY u.line) AS place,
           first_value(u.line) OVER (PARTITION BY u.username_key ORDER BY u.line) AS first_line
      FROM import_users u WHERE u.username_key IS NOT NULL
)
INSERT INTO import_conflicts (line, kind, subject, member, problem, is_accepted)
SELECT c.line, 'username_twice', c.subject, 'username', 'the user of line ' || c.first_line || ' has the same user name without case', false
  FROM claims c WHERE c.place > 1
 UNION ALL
SELECT c.line, 'username_twice', c.subject, 'username', 'user ' || coalesce(o.subject, o.id::text) || ' of this database has the same user name without case', false
  FROM claims c JOIN users o ON o.username_key = c.username_key
 WHERE c.place = 1 AND NOT EXISTS (SELECT FROM import_users n WHERE n.id = o.id)
   AND NOT EXISTS (SELECT FROM import_gone g WHERE g.subject = coalesce(o.subject, o.id::text));

-- name: ConflictsOfPhones :exec
WITH claims AS (
    SELECT u.phone, u.id, u.line, u.subject, row_number() OVER (PARTITION BY u.phone ORDER BY u.line) AS place,
           first_value(u.line) OVER (PARTITION BY u.phone ORDER BY u.line) AS first_line
      FROM import_users u WHERE u.phone_verified
)
INSERT INTO import_conflicts (line, kind, subject, member, problem, is_accepted)
SELECT c.line, 'phone_twice', c.subject, 'phone', 'the user of line ' || c.first_line || ' has verified the same number', false
  FROM claims c WHERE c.place > 1
 UNION ALL
SELECT c.line, 'phone_twice', c.subject, 'phone', 'user ' || coalesce(o.subject, o.id::text) || ' of this database has verified the same number', false
  FROM claims c JOIN users o ON o.phone = c.phone AND o.phone_verified_at IS NOT NULL
 WHERE c.place = 1 AND NOT EXISTS (SELECT FROM import_users n WHERE n.id = o.id)
   AND NOT EXISTS (SELECT FROM import_gone g WHERE g.subject = coalesce(o.subject, o.id::text));

-- name: ConflictsOfHandles :exec
WITH claims AS (
    SELECT u.webauthn_handle, u.line, u.subject, row_number() OVER (PARTITION BY u.webauthn_handle ORDER BY u.line) AS place,
           first_value(u.line) OVER (PARTITION BY u.webauthn_handle ORDER BY u.line) AS first_line
      FROM import_users u WHERE u.webauthn_handle IS NOT NULL
)
INSERT INTO import_conflicts (line, kind, subject, member, problem, is_accepted)
SELECT c.line, 'webauthn_handle_twice', c.subject, 'webauthn_handle', 'the user of line ' || c.first_line || ' has the same one', false
  FROM claims c WHERE c.place > 1
 UNION ALL
SELECT c.line, 'webauthn_handle_twice', c.subject, 'webauthn_handle', 'user ' || coalesce(o.subject, o.id::text) || ' of this database has the same one', false
  FROM claims c JOIN users o ON o.webauthn_handle = c.webauthn_handle
 WHERE c.place = 1 AND NOT EXISTS (SELECT FROM import_users n WHERE n.id = o.id)
   AND NOT EXISTS (SELECT FROM import_gone g WHERE g.subject = coalesce(o.subject, o.id::text));

-- name: ConflictsOfProviders :exec
WITH claims AS (
    SELECT p.provider, p.uid, p.line, row_number() OVER (PARTITION BY p.provider, p.uid ORDER BY p.line) AS place,
           first_value(p.line) OVER (PARTITION BY p.provider, p.uid ORDER BY p.line) AS first_line
      FROM import_providers p
)
INSERT INTO import_conflicts (line, kind, subject, member, problem, is_accepted)
SELECT c.line, 'provider_twice', u.subject, 'providers', 'line ' || c.first_line || ' has the same account with ' || c.provider, false
  FROM claims c JOIN import_users u ON u.line = c.line WHERE c.place > 1
 UNION ALL
SELECT c.line, 'provider_twice', u.subject, 'providers', 'user ' || coalesce(o.subject, o.id::text) || ' of this database has the same account with ' || c.provider, false
  FROM claims c
  JOIN import_users u ON u.line = c.line
  JOIN provider_accounts p ON p.provider = c.provider AND p.uid = c.uid
  JOIN users o ON o.id = p.user_id
 WHERE c.place = 1 AND NOT EXISTS (SELECT FROM import_users n WHERE n.id = o.id)
   AND NOT EXISTS (SELECT FROM import_gone g WHERE g.subject = coalesce(o.subject, o.id::text));

-- name: ConflictsOfCredentials :exec
WITH claims AS (
    SELECT w.credential_id, w.line, row_number() OVER (PARTITION BY w.credential_id ORDER BY w.line) AS place,
           first_value(w.line) OVER (PARTITION BY w.credential_id ORDER BY w.line) AS first_line
      FROM import_credentials w
)
INSERT INTO import_conflicts (line, kind, subject, member, problem, is_accepted)
SELECT c.line, 'passkey_twice', u.subject, 'webauthn', 'line ' || c.first_line || ' has the same credential id', false
  FROM claims c JOIN import_users u ON u.line = c.line WHERE c.place > 1
 UNION ALL
SELECT c.line, 'passkey_twice', u.subject, 'webauthn', 'user ' || coalesce(o.subject, o.id::text) || ' of this database has the same credential id', false
  FROM claims c
  JOIN import_users u ON u.line = c.line
  JOIN webauthn_credentials w ON w.credential_id = c.credential_id
  JOIN authenticators a ON a.id = w.authenticator_id
  JOIN users o ON o.id = a.user_id
 WHERE c.place = 1 AND NOT EXISTS (SELECT FROM import_users n WHERE n.id = o.id)
   AND NOT EXISTS (SELECT FROM import_gone g WHERE g.subject = coalesce(o.subject, o.id::text));

-- name: ConflictsOfAuthenticators :exec
INSERT INTO import_conflicts (line, kind, subject, member, problem, is_accepted)
SELECT a.line, 'authenticator_twice', u.subject, a.type, 'line ' || f.line || ' has an authenticator of the same id', false
  FROM import_authenticators a
  JOIN import_users u ON u.line = a.line
  JOIN (SELECT id, min(line) AS line FROM import_authenticators GROUP BY id HAVING count(*) > 1) f ON f.id = a.id AND f.line < a.line;

-- name: ConflictsOfTenants :exec
INSERT INTO import_conflicts (line, kind, subject, member, problem, is_accepted)
SELECT t.line, 'line_twice', '', 'id', 'line ' || f.line || ' is of the same tenant', false
  FROM import_tenants t
  JOIN (SELECT subject, min(line) AS line FROM import_tenants GROUP BY subject HAVING count(*) > 1) f ON f.subject = t.subject AND f.line < t.line;

-- name: ConflictsOfMemberships :exec
INSERT INTO import_conflicts (line, kind, subject, member, problem, is_accepted)
SELECT m.line, 'tenant_unknown', u.subject, 'tenants', 'there is no line of tenant ' || m.tenant, false
  FROM import_memberships m
  JOIN import_users u ON u.line = m.line
 WHERE NOT EXISTS (SELECT FROM import_tenants t WHERE t.subject = m.tenant)
   AND NOT EXISTS (SELECT FROM tenants t WHERE t.id::text = m.tenant);

-- name: ConflictsOfSessions :exec
INSERT INTO import_conflicts (line, kind, subject, member, problem, is_accepted)
SELECT s.line, 'line_twice', s.subject, 'token_sha256', 'line ' || f.line || ' is of the same session', false
  FROM import_sessions s
  JOIN (SELECT token_hash, min(line) AS line FROM import_sessions GROUP BY token_hash HAVING count(*) > 1) f ON f.token_hash = s.token_hash AND f.line < s.line
 UNION ALL
SELECT r.line, 'line_twice', s.subject, 'refresh', 'line ' || f.line || ' has the same refresh token', false
  FROM import_refresh_tokens r
  JOIN import_sessions s ON s.line = r.line
  JOIN (SELECT jti_hash, min(line) AS line FROM import_refresh_tokens GROUP BY jti_hash HAVING count(*) > 1) f ON f.jti_hash = r.jti_hash AND f.line < r.line
 UNION ALL
SELECT s.line, 'session_of_unknown_user', s.subject, 'user', 'there is no line of this user, and no such user here', @accepted::boolean
  FROM import_sessions s WHERE s.user_id IS NULL
 UNION ALL
SELECT s.line, 'session_of_another_user', s.subject, 'token_sha256', 'a session of another user has this token here', false
  FROM import_sessions s JOIN sessions o ON o.token_hash = s.token_hash AND o.user_id IS DISTINCT FROM s.user_id
 WHERE s.user_id IS NOT NULL;

-- Users whom an import made, and whom a complete file does not have.
-- name: ConflictsOfMissingUsers :exec
INSERT INTO import_conflicts (line, kind, subject, member, problem, is_accepted)
SELECT 0, 'user_missing', coalesce(o.subject, o.id::text), '', 'was imported before, and the file does not have the user any more', @accepted::boolean
  FROM imported_users i JOIN users o ON o.id = i.user_id
 WHERE NOT EXISTS (SELECT FROM import_users n WHERE n.id = i.user_id)
   AND NOT EXISTS (SELECT FROM import_gone g WHERE g.subject = coalesce(o.subject, o.id::text));

-- A user name that is the address of another user: a sign-in by it is one to the account with the address.
-- name: ConflictsOfUsernamesAndEmails :exec
INSERT INTO import_conflicts (line, kind, subject, member, problem, is_accepted)
SELECT u.line, 'username_is_address', u.subject, 'username', 'is an address of the user of line ' || min(e.line), @accepted::boolean
  FROM import_users u JOIN import_emails e ON e.address = u.username_key AND e.user_id <> u.id
 GROUP BY u.line, u.subject;

-- name: CountConflicts :many
SELECT kind, is_accepted, count(*) AS count FROM import_conflicts GROUP BY kind, is_accepted ORDER BY kind, is_accepted;

-- name: ListConflicts :many
SELECT line, kind, subject, member, problem, is_accepted FROM import_conflicts
 ORDER BY line, kind, member, problem LIMIT @most OFFSET @skipped;

-- name: CountImport :one
SELECT (SELECT count(*) FROM import_users WHERE NOT is_here)::bigint AS users_new,
       (SELECT count(*) FROM import_users WHERE is_here AND NOT is_unchanged)::bigint AS users_changed,
       (SELECT count(*) FROM import_users WHERE is_unchanged)::bigint AS users_unchanged;

-- Sessions name their users by the subject: those of the file, and those whom an import made.
-- name: UpdateImportSessionUsers :exec
UPDATE import_sessions s SET user_id = u.id FROM import_users u WHERE u.subject = s.subject;

-- name: UpdateImportSessionUsersHere :exec
UPDATE import_sessions s SET user_id = u.id
  FROM users u JOIN imported_users i ON i.user_id = u.id
 WHERE s.user_id IS NULL AND u.subject = s.subject AND NOT EXISTS (SELECT FROM import_gone g WHERE g.subject = s.subject);

-- name: UpdateImportSessionUsersHereByID :exec
UPDATE import_sessions s SET user_id = u.id
  FROM users u JOIN imported_users i ON i.user_id = u.id
 WHERE s.user_id IS NULL AND u.id = CASE WHEN s.subject ~ '^[1-9][0-9]{0,17}$' THEN s.subject::bigint END AND u.subject IS NULL
   AND NOT EXISTS (SELECT FROM import_gone g WHERE g.subject = s.subject);

-- Nothing of it may stay with a user who was imported before, and whose line does not have it any more:
-- another user's line has it now. What these users have is written anew with their own lines.

-- name: DeleteMovedEmails :exec
DELETE FROM email_addresses e USING import_emails s, import_users n
 WHERE s.is_verified AND e.address = s.address AND e.user_id <> s.user_id AND n.id = e.user_id AND NOT n.is_unchanged;

-- name: UpdateMovedUsernames :exec
UPDATE users u SET username = NULL, username_key = NULL FROM import_users s, import_users n
 WHERE u.username_key = s.username_key AND u.id <> s.id AND n.id = u.id AND NOT n.is_unchanged;

-- name: UpdateMovedPhones :exec
UPDATE users u SET phone_verified_at = NULL FROM import_users s, import_users n
 WHERE s.phone_verified AND u.phone = s.phone AND u.id <> s.id AND n.id = u.id AND NOT n.is_unchanged;

-- name: UpdateMovedHandles :exec
UPDATE users u SET webauthn_handle = NULL FROM import_users s, import_users n
 WHERE u.webauthn_handle = s.webauthn_handle AND u.id <> s.id AND n.id = u.id AND NOT n.is_unchanged;

-- name: DeleteMovedProviders :exec
DELETE FROM provider_accounts p USING import_providers s, import_users n
 WHERE p.provider = s.provider AND p.uid = s.uid AND p.user_id <> s.user_id AND n.id = p.user_id AND NOT n.is_unchanged;

-- name: DeleteMovedCredentials :exec
DELETE FROM authenticators a USING webauthn_credentials w, import_credentials s, import_users n
 WHERE w.credential_id = s.credential_id AND a.id = w.authenticator_id AND a.user_id <> s.user_id AND n.id = a.user_id AND NOT n.is_unchanged;

-- Storing, a range of lines at a time.

-- The service goes live after what is being stored, and nothing is stored afterwards.
-- name: LockMovingPhase :one
SELECT phase FROM moving FOR SHARE;

-- name: InsertImportedTenants :execrows
INSERT INTO tenants (id, name, created_at) SELECT id, name, created_at FROM import_tenants
    ON CONFLICT (id) DO UPDATE SET name = excluded.name WHERE tenants.name <> excluded.name;

-- name: ListImportLines :many
SELECT line FROM import_users WHERE NOT is_unchanged AND line > @after ORDER BY line LIMIT @most;

-- name: DeleteImportedEmails :exec
DELETE FROM email_addresses e USING import_users u WHERE e.user_id = u.id AND u.is_here AND NOT u.is_unchanged AND u.line BETWEEN @first AND @last;

-- name: DeleteImportedAuthenticators :exec
DELETE FROM authenticators a USING import_users u WHERE a.user_id = u.id AND u.is_here AND NOT u.is_unchanged AND u.line BETWEEN @first AND @last;

-- name: DeleteImportedProviders :exec
DELETE FROM provider_accounts p USING import_users u WHERE p.user_id = u.id AND u.is_here AND NOT u.is_unchanged AND u.line BETWEEN @first AND @last;

-- name: DeleteImportedMemberships :exec
DELETE FROM memberships m USING import_users u WHERE m.user_id = u.id AND u.is_here AND NOT u.is_unchanged AND u.line BETWEEN @first AND @last;

-- Of users who are here it changes those alone whom an import made, and whom the line names.
-- name: InsertImportedUsers :execrows
INSERT INTO users (id, subject, display, password_hash, password_hook, disabled_at, created_at, username, username_key, phone,
                   phone_verified_at, webauthn_handle)
SELECT u.id, u.own_subject, u.display, u.password_hash, u.password_hook, CASE WHEN u.disabled THEN @now::timestamptz END, u.created_at,
       u.username, u.username_key, u.phone, CASE WHEN u.phone_verified THEN u.created_at END, u.webauthn_handle
  FROM import_users u WHERE NOT u.is_unchanged AND u.line BETWEEN @first AND @last
    ON CONFLICT (id) DO UPDATE
   SET display = excluded.display, password_hash = excluded.password_hash, password_hook = excluded.password_hook,
       unproved_password_hash = NULL, created_at = excluded.created_at,
       disabled_at = CASE WHEN excluded.disabled_at IS NOT NULL THEN coalesce(users.disabled_at, excluded.disabled_at) END,
       username = excluded.username, username_key = excluded.username_key, phone = excluded.phone,
       phone_verified_at = excluded.phone_verified_at, webauthn_handle = coalesce(excluded.webauthn_handle, users.webauthn_handle)
 WHERE users.subject IS NOT DISTINCT FROM excluded.subject AND EXISTS (SELECT FROM imported_users i WHERE i.user_id = users.id);

-- Further addresses that are not verified expire some days after the import, and not after their user was made.
-- name: InsertImportedEmails :exec
INSERT INTO email_addresses (user_id, address, verified_at, is_primary, created_at)
SELECT e.user_id, e.address, CASE WHEN e.is_verified THEN u.created_at END, e.is_primary,
       CASE WHEN e.is_verified OR e.is_primary THEN u.created_at ELSE @now::timestamptz END
  FROM import_emails e JOIN import_users u ON u.line = e.line
 WHERE NOT u.is_unchanged AND e.line BETWEEN @first AND @last;

-- name: InsertImportedAuthenticators :exec
INSERT INTO authenticators (id, user_id, type, name, created_at, last_used_at, sealed, spent, misses, viewed_at)
SELECT a.id, a.user_id, a.type, a.name, a.created_at, a.last_used_at, a.sealed, a.spent, 0, a.viewed_at
  FROM import_authenticators a JOIN import_users u ON u.line = a.line
 WHERE NOT u.is_unchanged AND a.line BETWEEN @first AND @last;

-- name: InsertImportedCredentials :exec
INSERT INTO webauthn_credentials (authenticator_id, credential_id, public_key, sign_count, aaguid, transports, backup_eligible, backup_state, passwordless)
SELECT w.authenticator_id, w.credential_id, w.public_key, w.sign_count, w.aaguid, w.transports, w.backup_eligible, w.backup_state, w.passwordless
  FROM import_credentials w JOIN import_users u ON u.line = w.line
 WHERE NOT u.is_unchanged AND w.line BETWEEN @first AND @last;

-- name: InsertImportedProviders :exec
INSERT INTO provider_accounts (provider, uid, user_id, display, client_id, grant_sealed, created_at, last_used_at)
SELECT p.provider, p.uid, p.user_id, p.display, p.client_id, p.grant_sealed, p.created_at, p.last_used_at
  FROM import_providers p JOIN import_users u ON u.line = p.line
 WHERE NOT u.is_unchanged AND p.line BETWEEN @first AND @last;

-- name: InsertImportedMemberships :exec
INSERT INTO memberships (tenant_id, user_id, is_primary, created_at)
SELECT t.id, m.user_id, m.is_primary, m.created_at
  FROM import_memberships m
  JOIN import_users u ON u.line = m.line
  JOIN tenants t ON t.id::text = m.tenant
 WHERE NOT u.is_unchanged AND m.line BETWEEN @first AND @last;

-- name: UpsertImportedUsers :exec
INSERT INTO imported_users (user_id, line_hash)
SELECT u.id, u.line_hash FROM import_users u WHERE NOT u.is_unchanged AND u.line BETWEEN @first AND @last
    ON CONFLICT (user_id) DO UPDATE SET line_hash = excluded.line_hash;

-- name: ListImportSessionLines :many
SELECT line FROM import_sessions WHERE user_id IS NOT NULL AND line > @after ORDER BY line LIMIT @most;

-- The first generation is that of the other system. It is older than any grace: the epoch, which also
-- tells such a session from one that was opened here. The source may have moved the end of a session since
-- the import before.
-- name: InsertImportedSessions :execrows
INSERT INTO sessions (id, listing_id, token_hash, user_id, created_at, expires_at, generation, rotated_at, refresh_expires_at,
                      sends_idempotency_keys, last_seen_at, user_agent, device_name, address, methods, token_expires_at)
SELECT s.id, s.listing_id, s.token_hash, s.user_id, s.last_seen_at, s.expires_at, 1, 'epoch', s.refresh_expires_at,
       false, s.last_seen_at, s.user_agent, '', s.address, s.methods, s.token_expires_at
  FROM import_sessions s JOIN users u ON u.id = s.user_id
 WHERE u.disabled_at IS NULL AND s.line BETWEEN @first AND @last
    ON CONFLICT (token_hash) DO UPDATE
   SET refresh_expires_at = greatest(sessions.refresh_expires_at, excluded.refresh_expires_at),
       expires_at = greatest(sessions.expires_at, excluded.expires_at),
       token_expires_at = greatest(sessions.token_expires_at, excluded.token_expires_at), created_at = excluded.created_at,
       last_seen_at = excluded.last_seen_at, user_agent = excluded.user_agent, address = excluded.address, methods = excluded.methods
 WHERE sessions.user_id = excluded.user_id AND sessions.generation = 1 AND sessions.rotated_at = 'epoch' AND sessions.ended_at IS NULL
   AND (excluded.refresh_expires_at > sessions.refresh_expires_at
        OR (sessions.created_at, sessions.user_agent, sessions.address, sessions.methods)
           IS DISTINCT FROM (excluded.created_at, excluded.user_agent, excluded.address, excluded.methods));

-- name: InsertOldRefreshTokens :execrows
INSERT INTO old_refresh_tokens (jti_hash, session_id, expires_at)
SELECT r.jti_hash, s.id, r.expires_at
  FROM import_refresh_tokens r
  JOIN sessions s ON s.token_hash = r.token_hash
 WHERE s.generation = 1 AND s.rotated_at = 'epoch' AND s.ended_at IS NULL AND r.line BETWEEN @first AND @last
    ON CONFLICT (jti_hash) DO NOTHING;

-- The source has spent these, or they have expired there.
-- name: DeleteSpentRefreshTokens :execrows
DELETE FROM old_refresh_tokens o USING sessions s, import_sessions n
 WHERE o.session_id = s.id AND s.token_hash = n.token_hash AND s.generation = 1 AND s.rotated_at = 'epoch' AND n.line BETWEEN @first AND @last
   AND NOT EXISTS (SELECT FROM import_refresh_tokens r WHERE r.jti_hash = o.jti_hash);

-- Of late refresh tokens the session lives at least as long as they do.
-- name: UpdateSessionsOfLateTokens :execrows
UPDATE sessions s SET refresh_expires_at = n.refresh_expires_at
  FROM import_sessions n
 WHERE s.token_hash = n.token_hash AND s.generation = 1 AND s.rotated_at = 'epoch' AND s.ended_at IS NULL
   AND n.refresh_expires_at > s.refresh_expires_at AND n.line BETWEEN @first AND @last;

-- Sessions that do not exist any more at the source.
-- name: EndGoneSessions :execrows
UPDATE sessions s SET ended_at = @now::timestamptz, end_reason = 'signed_out'
  FROM import_gone g
 WHERE s.token_hash = g.token_hash AND s.ended_at IS NULL AND s.generation = 1 AND s.rotated_at = 'epoch';

-- A complete file has all sessions of its source.
-- name: EndMissingSessions :execrows
UPDATE sessions s SET ended_at = @now::timestamptz, end_reason = 'signed_out'
  FROM imported_users i
 WHERE i.user_id = s.user_id AND s.ended_at IS NULL AND s.generation = 1 AND s.rotated_at = 'epoch'
   AND NOT EXISTS (SELECT FROM import_sessions n WHERE n.token_hash = s.token_hash);

-- name: ListGoneUsers :many
SELECT u.id, coalesce(u.subject, u.id::text)::text AS subject
  FROM imported_users i JOIN users u ON u.id = i.user_id
 WHERE EXISTS (SELECT FROM import_gone g WHERE g.subject = coalesce(u.subject, u.id::text))
    OR @missing::boolean AND NOT EXISTS (SELECT FROM import_users n WHERE n.id = i.user_id)
 ORDER BY u.id;

-- name: DeleteImportedUser :execrows
DELETE FROM users u USING imported_users i WHERE i.user_id = u.id AND u.id = @id;

-- What imports made belongs to this service from now on.
-- name: DeleteImportedUserMarks :execrows
DELETE FROM imported_users WHERE user_id IN (SELECT i.user_id FROM imported_users i ORDER BY i.user_id LIMIT 2000);
