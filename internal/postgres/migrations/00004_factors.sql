-- +goose Up

-- Names the person to their passkeys: 32 random bytes, and nothing that is shown elsewhere.
-- NULL: none was ever made.
ALTER TABLE users ADD COLUMN webauthn_handle bytea CHECK (octet_length(webauthn_handle) = 32);
CREATE UNIQUE INDEX users_webauthn_handle ON users (webauthn_handle) WHERE webauthn_handle IS NOT NULL;

-- Second factors and passkeys.
CREATE TABLE authenticators (
    -- A random 52-bit integer, made by the server.
    id           bigint      PRIMARY KEY CHECK (id BETWEEN 1 AND 4503599627370495),
    user_id      bigint      NOT NULL REFERENCES users ON DELETE CASCADE,
    type         text        NOT NULL CHECK (type IN ('totp', 'recovery_codes', 'webauthn')),
    -- What the person calls it; '' but for webauthn.
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
    -- Whether it can sign in alone, as the client said (credProps.rk). NULL: it did not say.
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
    expires_at timestamptz NOT NULL
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
-- outlives the person, and goes when the service has answered, or after seven days.
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
