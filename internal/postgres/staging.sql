-- The tables of `latchkey import`, which one connection makes for itself: they end with it. Their rows are
-- what lines of a file say, in the form of our own tables. `line` is the number of the line.

CREATE TEMPORARY TABLE import_users (
    line            bigint      NOT NULL,
    id              bigint      NOT NULL,
    -- What names the user outside; own_subject is NULL where that is the id as text.
    subject         text        NOT NULL,
    own_subject     text,
    -- Whether the user is here already, was imported before, and is as the line says since then.
    is_here         boolean     NOT NULL,
    is_imported     boolean     NOT NULL,
    is_unchanged    boolean     NOT NULL,
    display         text        NOT NULL,
    username        text,
    username_key    text,
    created_at      timestamptz NOT NULL,
    disabled        boolean     NOT NULL,
    password_hash   text,
    password_hook   boolean     NOT NULL,
    phone           text,
    phone_verified  boolean     NOT NULL,
    webauthn_handle bytea,
    line_hash       bytea       NOT NULL
);

CREATE TEMPORARY TABLE import_emails (
    line        bigint  NOT NULL,
    user_id     bigint  NOT NULL,
    address     text    NOT NULL,
    is_verified boolean NOT NULL,
    is_primary  boolean NOT NULL
);

CREATE TEMPORARY TABLE import_authenticators (
    line         bigint      NOT NULL,
    id           bigint      NOT NULL,
    user_id      bigint      NOT NULL,
    type         text        NOT NULL,
    name         text        NOT NULL,
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz,
    sealed       bytea,
    spent        bigint      NOT NULL,
    viewed_at    timestamptz
);

CREATE TEMPORARY TABLE import_credentials (
    line             bigint  NOT NULL,
    user_id          bigint  NOT NULL,
    authenticator_id bigint  NOT NULL,
    credential_id    bytea   NOT NULL,
    public_key       bytea   NOT NULL,
    sign_count       bigint  NOT NULL,
    aaguid           bytea   NOT NULL,
    transports       text[]  NOT NULL,
    backup_eligible  boolean NOT NULL,
    backup_state     boolean NOT NULL,
    passwordless     boolean
);

CREATE TEMPORARY TABLE import_providers (
    line         bigint      NOT NULL,
    user_id      bigint      NOT NULL,
    provider     text        NOT NULL,
    uid          text        NOT NULL,
    display      text        NOT NULL,
    client_id    text        NOT NULL,
    grant_sealed bytea,
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL
);

CREATE TEMPORARY TABLE import_memberships (
    line       bigint  NOT NULL,
    user_id    bigint  NOT NULL,
    tenant     text    NOT NULL,
    is_primary boolean NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TEMPORARY TABLE import_tenants (
    line       bigint      NOT NULL,
    id         uuid        NOT NULL,
    subject    text        NOT NULL,
    name       text        NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TEMPORARY TABLE import_sessions (
    line               bigint      NOT NULL,
    id                 uuid        NOT NULL,
    listing_id         bigint      NOT NULL,
    token_hash         bytea       NOT NULL,
    subject            text        NOT NULL,
    -- NULL where users.subject names the user, and the line of the user may follow.
    user_id            bigint,
    last_seen_at       timestamptz NOT NULL,
    expires_at         timestamptz NOT NULL,
    refresh_expires_at timestamptz NOT NULL,
    token_expires_at   timestamptz NOT NULL,
    user_agent         text        NOT NULL,
    address            text,
    methods            jsonb       NOT NULL
);

CREATE TEMPORARY TABLE import_refresh_tokens (
    line       bigint      NOT NULL,
    token_hash bytea       NOT NULL,
    jti_hash   bytea       NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE TEMPORARY TABLE import_gone (
    line       bigint NOT NULL,
    subject    text,
    token_hash bytea
);

-- What must be settled before anything is stored. A kind that was accepted is a loss.
CREATE TEMPORARY TABLE import_conflicts (
    line        bigint  NOT NULL,
    kind        text    NOT NULL,
    subject     text    NOT NULL,
    member      text    NOT NULL,
    problem     text    NOT NULL,
    is_accepted boolean NOT NULL
);
