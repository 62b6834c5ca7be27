-- The data of Latchkey. Written by hand; sqlc reads it to generate internal/db, and
-- internal/postgres/migrations builds exactly this (tested in internal/postgres).
--
-- Times are timestamptz. Columns that end in _hash hold hashes, never what was hashed.

-- People who can sign in.
CREATE TABLE users (
    -- A random integer, made by the server; LATCHKEY_USER_IDS says of how many bits. Never a sequence:
    -- after a fail-over to a lagging standby a sequence hands out the same number twice, and a stranger
    -- would inherit a lost user's `sub`.
    id            bigint      PRIMARY KEY CHECK (id >= 1),
    -- The name that screens show.
    display       text        NOT NULL CHECK (length(display) BETWEEN 1 AND 150),
    -- PHC string (argon2id). NULL: no password; never matches anything, also not ''.
    password_hash text,
    -- Set while the account is disabled: no sign-in, no refresh, no session.
    disabled_at   timestamptz,
    created_at    timestamptz NOT NULL,
    -- As the user wrote it; unique without case. NULL: none.
    username      text        CHECK (length(username) BETWEEN 1 AND 150),
    -- E.164. Many users may have the same unverified number, and one user a verified one.
    phone         text        CHECK (phone ~ '^\+[1-9][0-9]{5,14}$'),
    phone_verified_at timestamptz,
    -- When the account will be deleted; NULL unless the user asked for it.
    deletes_at    timestamptz,
    -- Identifies the user to their passkeys: 32 random bytes, and nothing that is shown elsewhere. Of a user
    -- of another system it is what that system chose. NULL: none was ever made.
    webauthn_handle bytea     CHECK (octet_length(webauthn_handle) BETWEEN 1 AND 64),
    -- How often an undo link restored the account. An attempt to sign in that began before the
    -- last of them is void.
    restorations  integer     NOT NULL DEFAULT 0,
    -- When a sign-up made the account, until the first completed sign-in. NULL: it has been used,
    -- or was not made by a sign-up.
    unused_since  timestamptz,
    -- When a link that was opened outside the sessions of the account verified its first address,
    -- while providers were connected: a reset removes those that were connected before. NULL: no
    -- such thing.
    proved_elsewhere_at timestamptz,
    -- What is compared of the user name: Unicode's form NFKC without case, made by the server, since
    -- the locale of a database decides nothing. `=` and the name as it is stored where a user of
    -- before had a twin of another one's name. NULL: of before, the janitor makes it.
    username_key  text,
    -- What names the user outside: `sub` of tokens, and `id` in answers. NULL: the id as text. A subject
    -- never reads as an integer, so that none is the id of another user.
    subject       text        CHECK (subject ~ '^[A-Za-z0-9_-]{1,64}$' AND subject !~ '^-?[0-9_]+$'),
    -- A password that was set before the owner of the address or number proved it: PHC string. It opens
    -- the account only together with a code, and becomes password_hash then. NULL: there is none.
    unproved_password_hash text,
    -- The system that the user comes from verifies the password, as long as there is none here: see
    -- LATCHKEY_PASSWORD_HOOK_URL. It ends with the first password that is stored here.
    password_hook boolean     NOT NULL DEFAULT false,
    CONSTRAINT users_phone_is_there CHECK (phone IS NOT NULL OR phone_verified_at IS NULL)
);
COMMENT ON TABLE users IS 'People who can sign in.';
CREATE INDEX users_username_former ON users (lower(username COLLATE "C")) WHERE username_key IS NULL;
CREATE UNIQUE INDEX users_username_key ON users (username_key);
CREATE INDEX users_username_without_key ON users (id) WHERE username IS NOT NULL AND username_key IS NULL;
-- Passwords that another system hashed, or a version of before.
CREATE INDEX users_foreign_hash ON users (id)
 WHERE password_hash IS NOT NULL AND NOT starts_with(password_hash, '$argon2id$v=19$m=19456,t=2,p=1$');
CREATE UNIQUE INDEX users_subject ON users (subject) WHERE subject IS NOT NULL;
CREATE INDEX users_subject_length ON users (length(subject)) WHERE subject IS NOT NULL;
CREATE INDEX users_phone ON users (phone) WHERE phone IS NOT NULL;
CREATE UNIQUE INDEX users_phone_verified ON users (phone) WHERE phone_verified_at IS NOT NULL;
CREATE UNIQUE INDEX users_webauthn_handle ON users (webauthn_handle) WHERE webauthn_handle IS NOT NULL;
CREATE INDEX users_deletes_at ON users (deletes_at) WHERE deletes_at IS NOT NULL;
CREATE INDEX users_unused ON users (unused_since) WHERE unused_since IS NOT NULL;

-- Addresses of people, in their normal form (internal/email): ASCII, in lower case, the domain in
-- A-labels. Many users may have the same unverified address, and one user a verified one.
CREATE TABLE email_addresses (
    user_id     bigint      NOT NULL REFERENCES users ON DELETE CASCADE,
    address     text        NOT NULL CHECK (address = lower(address COLLATE "C") AND octet_length(address) <= 254),
    verified_at timestamptz,
    -- The address that mails go to and that `email` shows. One per user.
    is_primary  boolean     NOT NULL,
    created_at  timestamptz NOT NULL,
    -- Of an address of before that keeps its form, since another one has the same normal form: that
    -- normal form. The address itself where it has none. NULL: all others, and those of before that
    -- nobody has looked at yet.
    normal_form text,
    PRIMARY KEY (user_id, address)
);
COMMENT ON TABLE email_addresses IS 'Addresses of people, verified or not.';
CREATE INDEX email_addresses_address ON email_addresses (address);
CREATE INDEX email_addresses_prefix ON email_addresses (address COLLATE "C", user_id);
CREATE UNIQUE INDEX email_addresses_verified ON email_addresses (address) WHERE verified_at IS NOT NULL;
CREATE UNIQUE INDEX email_addresses_primary ON email_addresses (user_id) WHERE is_primary;
CREATE INDEX email_addresses_normal_form ON email_addresses (normal_form) WHERE normal_form IS NOT NULL;
CREATE INDEX email_addresses_former ON email_addresses (user_id, address) WHERE octet_length(address) <> length(address) AND normal_form IS NULL;
CREATE INDEX email_addresses_expiring ON email_addresses (created_at) WHERE verified_at IS NULL AND NOT is_primary;

-- Organisations that people belong to. A claim and a membership, not a partition of users.
CREATE TABLE tenants (
    id         uuid        PRIMARY KEY,
    name       text        NOT NULL CHECK (length(name) BETWEEN 1 AND 150),
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE tenants IS 'Organisations that people belong to.';

-- Who belongs to which organisation. At most one membership of a user is primary: its
-- tenant is the `tenant_id` of the access tokens issued while it is.
CREATE TABLE memberships (
    tenant_id  uuid        NOT NULL REFERENCES tenants ON DELETE CASCADE,
    user_id    bigint      NOT NULL REFERENCES users ON DELETE CASCADE,
    is_primary boolean     NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, tenant_id)
);
COMMENT ON TABLE memberships IS 'Who belongs to which organisation.';
CREATE INDEX memberships_tenant ON memberships (tenant_id);
CREATE UNIQUE INDEX memberships_primary ON memberships (user_id) WHERE is_primary;

-- Sign-ins. One row is one device's session, with the state of its refresh tokens: there is
-- no table of tokens, since a generation's token can be derived from the row again.
CREATE TABLE sessions (
    -- 128 random bits; `sid` in tokens. An identifier, not a secret.
    id                     uuid        PRIMARY KEY,
    -- A random integer of 31 bits (of 52 in rows of before), unique for its user: the id that the
    -- list of sessions shows, and that names a session to be ended. Never the sid, which tokens carry.
    listing_id             bigint      NOT NULL CHECK (listing_id BETWEEN 1 AND 4503599627370495),
    -- SHA-256 of the session token that was handed out last.
    token_hash             bytea       NOT NULL CHECK (octet_length(token_hash) = 32),
    -- NULL while the sign-in is pending: see attempt.
    user_id                bigint      REFERENCES users ON DELETE CASCADE,
    created_at             timestamptz NOT NULL,
    -- The absolute end, whatever is refreshed.
    expires_at             timestamptz NOT NULL,
    -- Number of the refresh token that counts; the first is 1.
    generation             bigint      NOT NULL CHECK (generation >= 1),
    -- When the current generation replaced the one before, by the clock of the database: the age
    -- of a generation is measured from it, so that all servers agree on it.
    rotated_at             timestamptz NOT NULL,
    -- `exp` of the current generation's refresh token, in whole seconds.
    refresh_expires_at     timestamptz NOT NULL,
    -- When the server first saw the current generation in use; NULL: it may never have arrived.
    confirmed_at           timestamptz,
    -- SHA-256 of the Idempotency-Key that spent the generation before.
    idempotency_key_hash   bytea       CHECK (octet_length(idempotency_key_hash) = 32),
    -- Whether this session has ever sent a key: from then on a replay needs the right one.
    sends_idempotency_keys boolean     NOT NULL,
    -- RFC 7638 thumbprint of the device's key. NULL: not bound to one.
    device_key_thumbprint  text,
    -- Updated once per generation, together with confirmed_at.
    last_seen_at           timestamptz NOT NULL,
    -- As sent at sign-in, cut to 200 characters.
    user_agent             text        NOT NULL,
    -- X-Device-Name at sign-in; '' for none.
    device_name            text        NOT NULL,
    -- The client's address at sign-in; NULL where it is not known.
    address                text,
    -- How the user authenticated: the list that `data.methods` shows.
    methods                jsonb       NOT NULL,
    -- Set once, never cleared.
    ended_at               timestamptz,
    end_reason             text        CHECK (end_reason IN ('signed_out', 'ended_by_user', 'ended_by_admin',
                                              'session_limit', 'password_changed', 'reuse_detected',
                                              'account_disabled', 'account_deleted', 'ownership_verified')),
    -- The state of a pending sign-in: flow.Attempt. NULL once it is complete.
    attempt                jsonb,
    -- `iat` of the current generation's refresh token, in whole seconds, by the clock of the
    -- server that issued it. NULL: the generation is older than this column, and rotated_at is it.
    refresh_issued_at      timestamptz,
    -- When the session token ends unless it is used; never after expires_at. The epoch: it has
    -- ended already, or none was handed out. Means nothing while user_id is NULL.
    token_expires_at       timestamptz NOT NULL DEFAULT (now() + interval '30 days'),
    -- SHA-256 of the session token before the last reauthentication; NULL: there is none.
    previous_token_hash    bytea       CHECK (octet_length(previous_token_hash) = 32),
    -- Whether that one still works: until the one that was handed out last is first used.
    previous_token_works   boolean     NOT NULL DEFAULT false,
    -- The generation that the exchange of the session token for tokens spent. NULL: it was not exchanged.
    exchanged_generation   bigint,
    CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
    CONSTRAINT sessions_are_of_somebody CHECK ((user_id IS NULL) = (attempt IS NOT NULL))
) WITH (fillfactor = 70); -- room for HOT updates: every refresh writes the row
COMMENT ON TABLE sessions IS 'Sign-ins, and the state of their refresh tokens.';
CREATE UNIQUE INDEX sessions_token ON sessions (token_hash);
CREATE UNIQUE INDEX sessions_previous_token ON sessions (previous_token_hash) WHERE previous_token_hash IS NOT NULL;
CREATE UNIQUE INDEX sessions_user_listing ON sessions (user_id, listing_id);
CREATE INDEX sessions_pending ON sessions (expires_at) WHERE user_id IS NULL;

-- One-time codes that are out: at most one a session and purpose. The code itself is kept
-- nowhere but, sealed, in the message that carries it.
CREATE TABLE codes (
    session_id    uuid        NOT NULL REFERENCES sessions ON DELETE CASCADE,
    purpose       text        NOT NULL CHECK (purpose IN ('login', 'verify_email', 'verify_phone', 'reset_password', 'reauthenticate')),
    -- Whom a right code serves. NULL: nobody, so that no code is right.
    user_id       bigint      REFERENCES users ON DELETE CASCADE,
    -- The address or number that it was sent to.
    target        text        NOT NULL,
    -- HMAC of purpose, session and code; random bytes where no code is right.
    code_hash     bytea       NOT NULL CHECK (octet_length(code_hash) = 32),
    -- Counted down before a code is compared.
    attempts_left smallint    NOT NULL CHECK (attempts_left >= 0),
    resends_left  smallint    NOT NULL CHECK (resends_left >= 0),
    changes_left  smallint    NOT NULL CHECK (changes_left >= 0),
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    PRIMARY KEY (session_id, purpose)
);
COMMENT ON TABLE codes IS 'One-time codes that are out.';
CREATE INDEX codes_user ON codes (user_id);
CREATE INDEX codes_expires_at ON codes (expires_at);

-- Links that are out: each works once, in any session.
CREATE TABLE links (
    -- SHA-256 of the key.
    key_hash   bytea       PRIMARY KEY CHECK (octet_length(key_hash) = 32),
    purpose    text        NOT NULL CHECK (purpose IN ('verify_email', 'reset_password')),
    user_id    bigint      NOT NULL REFERENCES users ON DELETE CASCADE,
    -- The address that it was sent to.
    address    text        NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    -- The pending session whose sign-in waits for it; NULL: none.
    session_id uuid,
    -- The platform that asked for it: a name of internal/platform.
    platform   text        NOT NULL DEFAULT 'unknown',
    -- When it verified the address: the pending session goes on then.
    used_at    timestamptz
);
COMMENT ON TABLE links IS 'Links that are out.';
CREATE INDEX links_user ON links (user_id);
CREATE INDEX links_expires_at ON links (expires_at);

-- Tokens of pending sessions whose sign-in went on by itself, because the link that it waited
-- for was opened elsewhere. Such a token asks for the tokens of the session again until one of
-- those is first used: the answer that carries them may be lost.
CREATE TABLE resumptions (
    -- SHA-256 of the token of the pending session.
    token_hash bytea       PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    -- What the pending session became.
    session_id uuid        NOT NULL REFERENCES sessions ON DELETE CASCADE,
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE resumptions IS 'Tokens of pending sessions whose sign-in went on by itself.';
CREATE INDEX resumptions_session ON resumptions (session_id);
CREATE INDEX resumptions_expires_at ON resumptions (expires_at);

-- Second factors and passkeys.
CREATE TABLE authenticators (
    -- A random integer of 31 bits (of 52 in rows of before), made by the server.
    id           bigint      PRIMARY KEY CHECK (id BETWEEN 1 AND 4503599627370495),
    user_id      bigint      NOT NULL REFERENCES users ON DELETE CASCADE,
    type         text        NOT NULL CHECK (type IN ('totp', 'recovery_codes', 'webauthn')),
    -- The user's name for it; '' except for webauthn.
    name         text        NOT NULL CHECK (length(name) <= 100),
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz,
    -- The secret of TOTP, or the list of recovery codes: AES-256-GCM, with the id of its key.
    -- NULL for webauthn, which has none on this side.
    sealed       bytea,
    -- TOTP: the last step whose code was accepted; no code of that step or before works.
    -- Recovery codes: bit n is set once code n has been used.
    spent        bigint      NOT NULL,
    -- Wrong codes since the last right one, of any factor.
    misses       integer     NOT NULL CHECK (misses >= 0),
    -- Recovery codes: when they were first shown.
    viewed_at    timestamptz,
    CHECK ((type = 'webauthn') = (sealed IS NULL))
);
COMMENT ON TABLE authenticators IS 'Second factors and passkeys.';
CREATE INDEX authenticators_user ON authenticators (user_id);
CREATE UNIQUE INDEX authenticators_once ON authenticators (user_id, type) WHERE type <> 'webauthn';

-- The public half of security keys and passkeys (WebAuthn Level 3, section 4, credential record).
CREATE TABLE webauthn_credentials (
    authenticator_id bigint  PRIMARY KEY REFERENCES authenticators ON DELETE CASCADE,
    credential_id    bytea   NOT NULL CHECK (octet_length(credential_id) BETWEEN 1 AND 1023),
    -- COSE_Key.
    public_key       bytea   NOT NULL,
    sign_count       bigint  NOT NULL CHECK (sign_count BETWEEN 0 AND 4294967295),
    aaguid           bytea   NOT NULL CHECK (octet_length(aaguid) = 16),
    transports       text[]  NOT NULL,
    backup_eligible  boolean NOT NULL,
    backup_state     boolean NOT NULL,
    -- Whether it was asked for as a key that signs in alone. NULL: not known, and it does not.
    passwordless     boolean
);
COMMENT ON TABLE webauthn_credentials IS 'The public half of security keys and passkeys.';
CREATE UNIQUE INDEX webauthn_credentials_credential ON webauthn_credentials (credential_id);

-- What a session has been asked and not yet answered: a WebAuthn challenge, or the secret of a
-- TOTP authenticator that is being added. At most one a session and purpose.
CREATE TABLE ceremonies (
    session_id uuid        NOT NULL REFERENCES sessions ON DELETE CASCADE,
    purpose    text        NOT NULL CHECK (purpose IN ('add_totp', 'add_webauthn', 'authenticate', 'reauthenticate', 'login', 'signup')),
    -- AES-256-GCM, with the id of its key.
    sealed     bytea       NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (session_id, purpose)
);
COMMENT ON TABLE ceremonies IS 'What sessions have been asked and not yet answered.';
CREATE INDEX ceremonies_expires_at ON ceremonies (expires_at);

-- Accounts with other services that sign people in.
CREATE TABLE provider_accounts (
    -- The id that the settings give the service.
    provider     text        NOT NULL CHECK (length(provider) BETWEEN 1 AND 200),
    -- `sub` of its id_tokens.
    uid          text        NOT NULL CHECK (length(uid) BETWEEN 1 AND 255),
    user_id      bigint      NOT NULL REFERENCES users ON DELETE CASCADE,
    -- What to call it on a screen: the address that the service told, or a name.
    display      text        NOT NULL,
    -- The client id that the grant is for or, without one, that it was last signed in with.
    client_id    text        NOT NULL,
    -- The refresh token to be revoked when the account goes: AES-256-GCM, with the id of its key.
    grant_sealed bytea,
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    PRIMARY KEY (provider, uid)
);
COMMENT ON TABLE provider_accounts IS 'Accounts with other services that sign people in.';
CREATE INDEX provider_accounts_user ON provider_accounts (user_id);

-- Nonces that are out for sign-ins with other services: each works once.
CREATE TABLE provider_nonces (
    -- SHA-256 of the nonce.
    nonce_hash bytea       PRIMARY KEY CHECK (octet_length(nonce_hash) = 32),
    expires_at timestamptz NOT NULL,
    -- The session that asked for it, in which alone it works: see DeleteProviderNonce. NULL: a
    -- caller without one.
    session_id uuid,
    -- What alone it serves for. NULL: a sign-in or a connection.
    process    text        CHECK (process IN ('login', 'connect', 'reauthenticate'))
);
COMMENT ON TABLE provider_nonces IS 'Nonces that are out for sign-ins with other services.';
CREATE INDEX provider_nonces_expires_at ON provider_nonces (expires_at);

-- id_tokens that have been accepted, until they expire: each works once.
CREATE TABLE spent_id_tokens (
    -- SHA-256 of the token.
    token_hash bytea       PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE spent_id_tokens IS 'id_tokens that have been accepted.';
CREATE INDEX spent_id_tokens_expires_at ON spent_id_tokens (expires_at);

-- Grants of other services that have to be revoked, since their account here is gone. A row
-- outlives the user, and is deleted when the provider has answered, or after seven days.
CREATE TABLE revocations (
    id           uuid        PRIMARY KEY, -- UUIDv7: sorts by time
    provider     text        NOT NULL,
    client_id    text        NOT NULL,
    -- The refresh token: AES-256-GCM, with the id of its key.
    grant_sealed bytea       NOT NULL,
    attempts     integer     NOT NULL,
    created_at   timestamptz NOT NULL,
    next_at      timestamptz NOT NULL
);
COMMENT ON TABLE revocations IS 'Grants of other services that have to be revoked.';
CREATE INDEX revocations_next_at ON revocations (next_at);

-- How much of each rate limit is used up (generic cell rate algorithm). An ordinary, logged
-- table: an unlogged one is empty after a crash, and would open every limit on guessing.
CREATE TABLE rate_limits (
    -- HMAC of the action, the rate and whom it counts: no address stands here.
    key            bytea            PRIMARY KEY CHECK (octet_length(key) = 32),
    -- Until when the limit would be used up if nobody asked again.
    used_until     timestamptz      NOT NULL,
    -- Seconds that one request costs, and that a whole limit lasts.
    cost_seconds   double precision NOT NULL,
    period_seconds double precision NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE rate_limits IS 'How much of each rate limit is used up.';
CREATE INDEX rate_limits_used_until ON rate_limits (used_until);

-- What happened to accounts and sessions: who, what, which session, when, with what result.
-- Rows are not changed: only what is personal in them is emptied, after 90 days, and all of it when the
-- user leaves. They are removed after LATCHKEY_AUDIT_RETENTION, 30 days at the earliest (the triggers
-- below). No foreign keys: a row outlives what it speaks of.
CREATE TABLE audit_events (
    id           uuid        PRIMARY KEY, -- UUIDv7: sorts by time
    occurred_at  timestamptz NOT NULL,
    event        text        NOT NULL,
    result       text        NOT NULL CHECK (result IN ('success', 'failure')),
    -- Who did it: the user, an operator at the command line, or the server by itself.
    actor        text        NOT NULL CHECK (actor IN ('user', 'operator', 'server')),
    user_id      bigint,
    session_id   uuid,
    -- HMACs of the client's address and of the email address that was submitted. Emptied with the account.
    address_hash bytea,
    email_hash   bytea,
    -- Emptied after 90 days, or with the account.
    address      text,
    user_agent   text,
    -- Which operator: `cli:`, the account and the host that ran the command. NULL: `actor` says it all.
    actor_id     text        CHECK (length(actor_id) BETWEEN 1 AND 200),
    -- Why an operator did it, in their words. Emptied after 90 days, or with the account.
    reason       text        CHECK (length(reason) BETWEEN 1 AND 500),
    -- What else is known: ids, numbers and names of fields. Never an address or a secret.
    details      jsonb       CHECK (jsonb_typeof(details) = 'object')
);
COMMENT ON TABLE audit_events IS 'What happened to accounts and sessions.';
CREATE INDEX audit_events_user ON audit_events (user_id, id);
CREATE INDEX audit_events_session ON audit_events (session_id, id) WHERE session_id IS NOT NULL;
CREATE INDEX audit_events_personal ON audit_events (occurred_at) WHERE address IS NOT NULL OR user_agent IS NOT NULL;
CREATE INDEX audit_events_reason ON audit_events (occurred_at) WHERE reason IS NOT NULL;

CREATE FUNCTION audit_events_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.address IS NULL AND NEW.user_agent IS NULL AND NEW.reason IS NULL
       AND (NEW.address_hash IS NULL OR NEW.address_hash = OLD.address_hash)
       AND (NEW.email_hash IS NULL OR NEW.email_hash = OLD.email_hash)
       AND (NEW.id, NEW.occurred_at, NEW.event, NEW.result, NEW.actor) = (OLD.id, OLD.occurred_at, OLD.event, OLD.result, OLD.actor)
       AND (NEW.user_id, NEW.session_id, NEW.actor_id, NEW.details) IS NOT DISTINCT FROM (OLD.user_id, OLD.session_id, OLD.actor_id, OLD.details) THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' AND OLD.occurred_at < now() - interval '30 days' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'audit events are not changed, and not removed before they are 30 days old' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER audit_events_are_kept BEFORE UPDATE OR DELETE ON audit_events
    FOR EACH ROW EXECUTE FUNCTION audit_events_are_kept();
CREATE TRIGGER audit_events_are_not_truncated BEFORE TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION audit_events_are_kept();

-- Secrets that all servers of this database share: the key of HMACs ('hmac'), and the key that seals
-- messages until they are sent ('sealing'). Each is made once, and is here as often as there are keys
-- of the settings that can open it.
CREATE TABLE shared_secrets (
    name      text        NOT NULL CHECK (name IN ('hmac', 'sealing')),
    -- Which key opens it: 'signing:' and the id of a signing key, or 'sealing:' and the id of a key of
    -- LATCHKEY_SEALING_KEYS.
    key_id    text        NOT NULL,
    -- Names the secret: the same in all rows that hold the same one.
    secret_id uuid        NOT NULL,
    -- AES-256-GCM, bound to name and key_id.
    sealed    bytea       NOT NULL,
    -- When a server that runs last had that key: each says so every 20 seconds.
    seen_at   timestamptz NOT NULL,
    PRIMARY KEY (name, key_id)
);
COMMENT ON TABLE shared_secrets IS 'Secrets that all servers of this database share, sealed with the keys of their settings.';

-- Mails and texts that are on their way, or were. What they say and to whom is sealed, and
-- erased once they are sent. When they are sent is river's business, in a schema of its own.
CREATE TABLE messages (
    id         uuid        PRIMARY KEY, -- UUIDv7: sorts by time
    -- The template; `nothing` is never sent, and costs what the others cost.
    kind       text        NOT NULL,
    -- Whose message it is. NULL: an address without an account, or one that is gone.
    user_id    bigint      REFERENCES users ON DELETE CASCADE,
    -- Recipient, language, code: AES-256-GCM, with the id of its key. NULL: sent or given up.
    sealed     bytea,
    created_at timestamptz NOT NULL,
    sent_at    timestamptz,
    -- Set when it was given up, with a word that says why.
    failed_at  timestamptz,
    failure    text,
    CHECK ((failed_at IS NULL) = (failure IS NULL))
);
COMMENT ON TABLE messages IS 'Mails and texts that are on their way, or were.';
CREATE INDEX messages_user ON messages (user_id);
CREATE INDEX messages_created_at ON messages (created_at);
CREATE INDEX messages_sealed ON messages (created_at) WHERE sealed IS NOT NULL;

-- Changes to the ways into an account, and which ways there were before each. For seven days a
-- link in the message about a change restores them.
CREATE TABLE account_changes (
    user_id    bigint      NOT NULL REFERENCES users ON DELETE CASCADE,
    -- Counts the changes of a user: a higher number is a later change.
    number     bigint      NOT NULL CHECK (number >= 1),
    -- The kind of the message about it.
    kind       text        NOT NULL,
    -- Where the request came from, as the message shows it.
    platform   text        NOT NULL,
    network    text        NOT NULL,
    -- Addresses, number, providers and passkeys before the change: rows of their tables. No
    -- password, no TOTP secret, no recovery code and no grant of a provider is in it.
    ways       jsonb       NOT NULL,
    changed_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    -- Set once an undo has restored what was before.
    undone_at  timestamptz,
    PRIMARY KEY (user_id, number)
);
COMMENT ON TABLE account_changes IS 'Changes to the ways into an account, and which ways there were before.';
CREATE INDEX account_changes_expires_at ON account_changes (expires_at);

-- Undo links that are out. Each works once, and expires with its change.
CREATE TABLE undo_links (
    -- SHA-256 of the key.
    key_hash bytea       PRIMARY KEY CHECK (octet_length(key_hash) = 32),
    user_id  bigint      NOT NULL,
    change   bigint      NOT NULL,
    -- The address or number that it was sent to.
    target   text        NOT NULL,
    -- Set when it was used, or when another link made it void.
    spent_at timestamptz,
    FOREIGN KEY (user_id, change) REFERENCES account_changes ON DELETE CASCADE
);
COMMENT ON TABLE undo_links IS 'Undo links that are out.';
CREATE INDEX undo_links_change ON undo_links (user_id, change);

-- How far a service that moves in from another system has come. At most one row; none: nobody moves in.
CREATE TABLE moving (
    only_row       boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    -- arriving: requests wait for the last of the data. live: they are answered.
    phase          text        NOT NULL CHECK (phase IN ('arriving', 'live')),
    -- When the phase began.
    since          timestamptz NOT NULL,
    -- When the last refresh token of the other system expires. NULL: not live yet.
    window_ends_at timestamptz
);
COMMENT ON TABLE moving IS 'How far a service that moves in has come.';

-- Refresh tokens of the other system that are out. Each counts as the first generation of its session.
CREATE TABLE old_refresh_tokens (
    -- SHA-256 of its jti.
    jti_hash   bytea       PRIMARY KEY CHECK (octet_length(jti_hash) = 32),
    session_id uuid        NOT NULL REFERENCES sessions ON DELETE CASCADE,
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE old_refresh_tokens IS 'Refresh tokens of the system that a service moved in from.';
CREATE INDEX old_refresh_tokens_session ON old_refresh_tokens (session_id);
CREATE INDEX old_refresh_tokens_expires_at ON old_refresh_tokens (expires_at);

-- Users that `latchkey import` made. It changes and deletes no other ones.
CREATE TABLE imported_users (
    user_id   bigint PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    -- SHA-256 of the line that the user was imported from last, and of what else decides how it is read.
    line_hash bytea  NOT NULL CHECK (octet_length(line_hash) = 32)
);
COMMENT ON TABLE imported_users IS 'Users that an import made.';

-- What an answer tells about a user. Every place that needs it reads it here, so that their
-- nullability is written once.
CREATE VIEW user_details AS
SELECT u.id, u.display, (u.password_hash IS NOT NULL)::boolean AS has_usable_password, u.disabled_at, u.created_at,
       e.address AS email, e.verified_at AS email_verified_at, m.tenant_id,
       u.username, u.phone, u.phone_verified_at, u.deletes_at,
       coalesce(u.subject, u.id::text)::text AS subject
  FROM users u
  LEFT JOIN email_addresses e ON e.user_id = u.id AND e.is_primary
  LEFT JOIN memberships m ON m.user_id = u.id AND m.is_primary;

-- The session of a signed-in user, together with the user: one statement per look-up, whether by access token, by
-- session token, or for a refresh that needs session.Judge.
--
-- lives_until is when the session ends by itself: at its absolute end, or once neither its
-- refresh token nor its session token works any more. It is the one definition for look-up,
-- list and end: a session that can act is listed, and one that is not listed cannot act.
CREATE VIEW session_details AS
SELECT s.id, s.token_hash, u.id AS user_id, s.created_at, s.expires_at, s.generation, s.rotated_at, s.refresh_expires_at,
       s.confirmed_at, s.idempotency_key_hash, s.sends_idempotency_keys, s.methods, s.ended_at, s.end_reason,
       u.display, u.has_usable_password, u.disabled_at, u.created_at AS user_created_at,
       u.email, u.email_verified_at, u.tenant_id, u.username, u.phone, u.phone_verified_at, u.deletes_at,
       s.token_expires_at, s.previous_token_hash, s.previous_token_works,
       least(s.expires_at, greatest(s.refresh_expires_at, s.token_expires_at))::timestamptz AS lives_until,
       u.subject
  FROM sessions s
  JOIN user_details u ON u.id = s.user_id;
