-- A database as a server of commit 68acdd3, the last one before 0.2.0, has written it. The test of upgrades
-- loads it, moves its times to the present, and starts today's server on it.
--
-- All of it is made up for this test: no user, address or password in it is real, and the keys in
-- 68acdd3.json were generated for it and are used nowhere else.
--
-- How it came about: a server with a signing key alone signed up ada@example.com and carol@example.com,
-- verified Ada's address, signed Ada in again and refreshed that session with an Idempotency-Key, rejected
-- six passwords of eve@example.com, and was asked for a sign-in code and a password reset for Ada. A second
-- server, with LATCHKEY_SEALING_KEYS too, signed up and verified bob@example.com, who added TOTP and read
-- the recovery codes. No mail server took their messages. Then pg_dump --inserts wrote this file.
--
-- A later release gets a file of its own; this one does not change.

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

CREATE SCHEMA river;

CREATE TYPE river.river_job_state AS ENUM (
    'available',
    'cancelled',
    'completed',
    'discarded',
    'pending',
    'retryable',
    'running',
    'scheduled'
);

CREATE FUNCTION public.audit_events_are_kept() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.address IS NULL AND NEW.user_agent IS NULL
       AND (NEW.id, NEW.occurred_at, NEW.event, NEW.result, NEW.actor) = (OLD.id, OLD.occurred_at, OLD.event, OLD.result, OLD.actor)
       AND (NEW.user_id, NEW.session_id, NEW.address_hash, NEW.email_hash)
           IS NOT DISTINCT FROM (OLD.user_id, OLD.session_id, OLD.address_hash, OLD.email_hash) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'audit events are neither changed nor removed' USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION river.river_job_state_in_bitmask(bitmask bit, state river.river_job_state) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT CASE state
        WHEN 'available' THEN get_bit(bitmask, 7)
        WHEN 'cancelled' THEN get_bit(bitmask, 6)
        WHEN 'completed' THEN get_bit(bitmask, 5)
        WHEN 'discarded' THEN get_bit(bitmask, 4)
        WHEN 'pending'   THEN get_bit(bitmask, 3)
        WHEN 'retryable' THEN get_bit(bitmask, 2)
        WHEN 'running'   THEN get_bit(bitmask, 1)
        WHEN 'scheduled' THEN get_bit(bitmask, 0)
        ELSE 0
    END = 1;
$$;

SET default_tablespace = '';

SET default_table_access_method = heap;

CREATE TABLE public.audit_events (
    id uuid NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    event text NOT NULL,
    result text NOT NULL,
    actor text NOT NULL,
    user_id bigint,
    session_id uuid,
    address_hash bytea,
    email_hash bytea,
    address text,
    user_agent text,
    CONSTRAINT audit_events_actor_check CHECK ((actor = ANY (ARRAY['user'::text, 'operator'::text, 'server'::text]))),
    CONSTRAINT audit_events_result_check CHECK ((result = ANY (ARRAY['success'::text, 'failure'::text])))
);

COMMENT ON TABLE public.audit_events IS 'What happened to accounts and sessions.';

CREATE TABLE public.authenticators (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    type text NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    last_used_at timestamp with time zone,
    sealed bytea,
    spent bigint NOT NULL,
    misses integer NOT NULL,
    viewed_at timestamp with time zone,
    CONSTRAINT authenticators_check CHECK (((type = 'webauthn'::text) = (sealed IS NULL))),
    CONSTRAINT authenticators_id_check CHECK (((id >= 1) AND (id <= '4503599627370495'::bigint))),
    CONSTRAINT authenticators_misses_check CHECK ((misses >= 0)),
    CONSTRAINT authenticators_name_check CHECK ((length(name) <= 100)),
    CONSTRAINT authenticators_type_check CHECK ((type = ANY (ARRAY['totp'::text, 'recovery_codes'::text, 'webauthn'::text])))
);

COMMENT ON TABLE public.authenticators IS 'Second factors and passkeys.';

CREATE TABLE public.ceremonies (
    session_id uuid NOT NULL,
    purpose text NOT NULL,
    sealed bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT ceremonies_purpose_check CHECK ((purpose = ANY (ARRAY['add_totp'::text, 'add_webauthn'::text, 'authenticate'::text, 'reauthenticate'::text, 'login'::text, 'signup'::text])))
);

COMMENT ON TABLE public.ceremonies IS 'What sessions have been asked and not yet answered.';

CREATE TABLE public.codes (
    session_id uuid NOT NULL,
    purpose text NOT NULL,
    user_id bigint,
    target text NOT NULL,
    code_hash bytea NOT NULL,
    attempts_left smallint NOT NULL,
    resends_left smallint NOT NULL,
    changes_left smallint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT codes_attempts_left_check CHECK ((attempts_left >= 0)),
    CONSTRAINT codes_changes_left_check CHECK ((changes_left >= 0)),
    CONSTRAINT codes_code_hash_check CHECK ((octet_length(code_hash) = 32)),
    CONSTRAINT codes_purpose_check CHECK ((purpose = ANY (ARRAY['login'::text, 'verify_email'::text, 'verify_phone'::text, 'reset_password'::text]))),
    CONSTRAINT codes_resends_left_check CHECK ((resends_left >= 0))
);

COMMENT ON TABLE public.codes IS 'One-time codes that are out.';

CREATE TABLE public.email_addresses (
    user_id bigint NOT NULL,
    address text NOT NULL,
    verified_at timestamp with time zone,
    is_primary boolean NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT email_addresses_address_check CHECK (((address = lower(address)) AND (octet_length(address) <= 254)))
);

COMMENT ON TABLE public.email_addresses IS 'Addresses of people, verified or not.';

CREATE TABLE public.goose_db_version (
    id integer NOT NULL,
    version_id bigint NOT NULL,
    is_applied boolean NOT NULL,
    tstamp timestamp without time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.goose_db_version ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.goose_db_version_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.links (
    key_hash bytea NOT NULL,
    purpose text NOT NULL,
    user_id bigint NOT NULL,
    address text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT links_key_hash_check CHECK ((octet_length(key_hash) = 32)),
    CONSTRAINT links_purpose_check CHECK ((purpose = ANY (ARRAY['verify_email'::text, 'reset_password'::text])))
);

COMMENT ON TABLE public.links IS 'Links that are out.';

CREATE TABLE public.memberships (
    tenant_id uuid NOT NULL,
    user_id bigint NOT NULL,
    is_primary boolean NOT NULL,
    created_at timestamp with time zone NOT NULL
);

COMMENT ON TABLE public.memberships IS 'Who belongs to which organisation.';

CREATE TABLE public.messages (
    id uuid NOT NULL,
    kind text NOT NULL,
    user_id bigint,
    sealed bytea,
    created_at timestamp with time zone NOT NULL,
    sent_at timestamp with time zone,
    failed_at timestamp with time zone,
    failure text,
    CONSTRAINT messages_check CHECK (((failed_at IS NULL) = (failure IS NULL)))
);

COMMENT ON TABLE public.messages IS 'Mails and texts that are on their way, or were.';

CREATE TABLE public.provider_accounts (
    provider text NOT NULL,
    uid text NOT NULL,
    user_id bigint NOT NULL,
    display text NOT NULL,
    client_id text NOT NULL,
    grant_sealed bytea,
    created_at timestamp with time zone NOT NULL,
    last_used_at timestamp with time zone NOT NULL,
    CONSTRAINT provider_accounts_provider_check CHECK (((length(provider) >= 1) AND (length(provider) <= 200))),
    CONSTRAINT provider_accounts_uid_check CHECK (((length(uid) >= 1) AND (length(uid) <= 255)))
);

COMMENT ON TABLE public.provider_accounts IS 'Accounts with other services that sign people in.';

CREATE TABLE public.provider_nonces (
    nonce_hash bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT provider_nonces_nonce_hash_check CHECK ((octet_length(nonce_hash) = 32))
);

COMMENT ON TABLE public.provider_nonces IS 'Nonces that are out for sign-ins with other services.';

CREATE TABLE public.rate_limits (
    key bytea NOT NULL,
    used_until timestamp with time zone NOT NULL,
    cost_seconds double precision NOT NULL,
    period_seconds double precision NOT NULL,
    CONSTRAINT rate_limits_key_check CHECK ((octet_length(key) = 32))
)
WITH (fillfactor='50');

COMMENT ON TABLE public.rate_limits IS 'How much of each rate limit is used up.';

CREATE TABLE public.revocations (
    id uuid NOT NULL,
    provider text NOT NULL,
    client_id text NOT NULL,
    grant_sealed bytea NOT NULL,
    attempts integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    next_at timestamp with time zone NOT NULL
);

COMMENT ON TABLE public.revocations IS 'Grants of other services that have to be revoked.';

CREATE TABLE public.sessions (
    id uuid NOT NULL,
    listing_id bigint NOT NULL,
    token_hash bytea NOT NULL,
    user_id bigint,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    generation bigint NOT NULL,
    rotated_at timestamp with time zone NOT NULL,
    refresh_expires_at timestamp with time zone NOT NULL,
    confirmed_at timestamp with time zone,
    idempotency_key_hash bytea,
    sends_idempotency_keys boolean NOT NULL,
    device_key_thumbprint text,
    last_seen_at timestamp with time zone NOT NULL,
    user_agent text NOT NULL,
    device_name text NOT NULL,
    address text,
    methods jsonb NOT NULL,
    ended_at timestamp with time zone,
    end_reason text,
    attempt jsonb,
    CONSTRAINT sessions_are_of_somebody CHECK (((user_id IS NULL) = (attempt IS NOT NULL))),
    CONSTRAINT sessions_check CHECK (((ended_at IS NULL) = (end_reason IS NULL))),
    CONSTRAINT sessions_end_reason_check CHECK ((end_reason = ANY (ARRAY['signed_out'::text, 'ended_by_user'::text, 'ended_by_admin'::text, 'session_limit'::text, 'password_changed'::text, 'reuse_detected'::text, 'account_disabled'::text, 'account_deleted'::text]))),
    CONSTRAINT sessions_generation_check CHECK ((generation >= 1)),
    CONSTRAINT sessions_idempotency_key_hash_check CHECK ((octet_length(idempotency_key_hash) = 32)),
    CONSTRAINT sessions_listing_id_check CHECK (((listing_id >= 1) AND (listing_id <= '4503599627370495'::bigint))),
    CONSTRAINT sessions_token_hash_check CHECK ((octet_length(token_hash) = 32))
)
WITH (fillfactor='70');

COMMENT ON TABLE public.sessions IS 'Sign-ins, and the state of their refresh tokens.';

CREATE TABLE public.users (
    id bigint NOT NULL,
    display text NOT NULL,
    password_hash text,
    disabled_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    username text,
    phone text,
    phone_verified_at timestamp with time zone,
    deletes_at timestamp with time zone,
    webauthn_handle bytea,
    CONSTRAINT users_display_check CHECK (((length(display) >= 1) AND (length(display) <= 150))),
    CONSTRAINT users_id_check CHECK (((id >= 1) AND (id <= '4503599627370495'::bigint))),
    CONSTRAINT users_phone_check CHECK ((phone ~ '^\+[1-9][0-9]{5,14}$'::text)),
    CONSTRAINT users_phone_is_there CHECK (((phone IS NOT NULL) OR (phone_verified_at IS NULL))),
    CONSTRAINT users_username_check CHECK (((length(username) >= 1) AND (length(username) <= 150))),
    CONSTRAINT users_webauthn_handle_check CHECK ((octet_length(webauthn_handle) = 32))
);

COMMENT ON TABLE public.users IS 'People who can sign in.';

CREATE VIEW public.user_details AS
 SELECT u.id,
    u.display,
    (u.password_hash IS NOT NULL) AS has_usable_password,
    u.disabled_at,
    u.created_at,
    e.address AS email,
    e.verified_at AS email_verified_at,
    m.tenant_id,
    u.username,
    u.phone,
    u.phone_verified_at,
    u.deletes_at
   FROM ((public.users u
     LEFT JOIN public.email_addresses e ON (((e.user_id = u.id) AND e.is_primary)))
     LEFT JOIN public.memberships m ON (((m.user_id = u.id) AND m.is_primary)));

CREATE VIEW public.session_details AS
 SELECT s.id,
    s.token_hash,
    u.id AS user_id,
    s.created_at,
    s.expires_at,
    s.generation,
    s.rotated_at,
    s.refresh_expires_at,
    s.confirmed_at,
    s.idempotency_key_hash,
    s.sends_idempotency_keys,
    s.methods,
    s.ended_at,
    s.end_reason,
    u.display,
    u.has_usable_password,
    u.disabled_at,
    u.created_at AS user_created_at,
    u.email,
    u.email_verified_at,
    u.tenant_id,
    u.username,
    u.phone,
    u.phone_verified_at,
    u.deletes_at
   FROM (public.sessions s
     JOIN public.user_details u ON ((u.id = s.user_id)));

CREATE TABLE public.spent_id_tokens (
    token_hash bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT spent_id_tokens_token_hash_check CHECK ((octet_length(token_hash) = 32))
);

COMMENT ON TABLE public.spent_id_tokens IS 'id_tokens that have been accepted.';

CREATE TABLE public.tenants (
    id uuid NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT tenants_name_check CHECK (((length(name) >= 1) AND (length(name) <= 150)))
);

COMMENT ON TABLE public.tenants IS 'Organisations that people belong to.';

CREATE TABLE public.webauthn_credentials (
    authenticator_id bigint NOT NULL,
    credential_id bytea NOT NULL,
    public_key bytea NOT NULL,
    sign_count bigint NOT NULL,
    aaguid bytea NOT NULL,
    transports text[] NOT NULL,
    backup_eligible boolean NOT NULL,
    backup_state boolean NOT NULL,
    passwordless boolean,
    CONSTRAINT webauthn_credentials_aaguid_check CHECK ((octet_length(aaguid) = 16)),
    CONSTRAINT webauthn_credentials_credential_id_check CHECK (((octet_length(credential_id) >= 1) AND (octet_length(credential_id) <= 1023))),
    CONSTRAINT webauthn_credentials_sign_count_check CHECK (((sign_count >= 0) AND (sign_count <= '4294967295'::bigint)))
);

COMMENT ON TABLE public.webauthn_credentials IS 'The public half of security keys and passkeys.';

CREATE TABLE river.river_job (
    id bigint NOT NULL,
    state river.river_job_state DEFAULT 'available'::river.river_job_state NOT NULL,
    attempt smallint DEFAULT 0 NOT NULL,
    max_attempts smallint DEFAULT 25 NOT NULL,
    attempted_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    finalized_at timestamp with time zone,
    scheduled_at timestamp with time zone DEFAULT now() NOT NULL,
    priority smallint DEFAULT 1 NOT NULL,
    args jsonb NOT NULL,
    attempted_by text[],
    errors jsonb[],
    kind text NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    queue text DEFAULT 'default'::text NOT NULL,
    tags character varying(255)[] DEFAULT '{}'::character varying[] NOT NULL,
    unique_key bytea,
    unique_states bit(8),
    CONSTRAINT finalized_or_finalized_at_null CHECK ((((finalized_at IS NULL) AND (state <> ALL (ARRAY['cancelled'::river.river_job_state, 'completed'::river.river_job_state, 'discarded'::river.river_job_state]))) OR ((finalized_at IS NOT NULL) AND (state = ANY (ARRAY['cancelled'::river.river_job_state, 'completed'::river.river_job_state, 'discarded'::river.river_job_state]))))),
    CONSTRAINT kind_length CHECK (((char_length(kind) > 0) AND (char_length(kind) < 128))),
    CONSTRAINT max_attempts_is_positive CHECK ((max_attempts > 0)),
    CONSTRAINT priority_in_range CHECK (((priority >= 1) AND (priority <= 4))),
    CONSTRAINT queue_length CHECK (((char_length(queue) > 0) AND (char_length(queue) < 128)))
);

CREATE SEQUENCE river.river_job_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE river.river_job_id_seq OWNED BY river.river_job.id;

CREATE UNLOGGED TABLE river.river_leader (
    elected_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    leader_id text NOT NULL,
    name text DEFAULT 'default'::text NOT NULL,
    CONSTRAINT leader_id_length CHECK (((char_length(leader_id) > 0) AND (char_length(leader_id) < 128))),
    CONSTRAINT name_length CHECK ((name = 'default'::text))
);

CREATE TABLE river.river_migration (
    line text NOT NULL,
    version bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT line_length CHECK (((char_length(line) > 0) AND (char_length(line) < 128))),
    CONSTRAINT version_gte_1 CHECK ((version >= 1))
);

CREATE TABLE river.river_notification (
    id bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    payload text NOT NULL,
    topic text NOT NULL,
    CONSTRAINT topic_length CHECK (((length(topic) > 0) AND (length(topic) < 128)))
);

CREATE SEQUENCE river.river_notification_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE river.river_notification_id_seq OWNED BY river.river_notification.id;

CREATE TABLE river.river_queue (
    name text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    paused_at timestamp with time zone,
    updated_at timestamp with time zone DEFAULT CURRENT_TIMESTAMP NOT NULL
);

ALTER TABLE ONLY river.river_job ALTER COLUMN id SET DEFAULT nextval('river.river_job_id_seq'::regclass);

ALTER TABLE ONLY river.river_notification ALTER COLUMN id SET DEFAULT nextval('river.river_notification_id_seq'::regclass);

INSERT INTO public.audit_events VALUES ('01a229b9-ad90-790c-8241-272695eed899', '2026-11-29 23:52:44.172533+00', 'user_created', 'success', 'user', 782967266730213, 'f4d5c79a-503b-8f04-8585-a5f0e34cf1fb', '\x517b96335a4bd16de1c59ece87bbeb488c31d9e5ba0d3caf8c618e8bb49c3b3a', NULL, '127.0.0.1', 'ExampleApp/1.0 (iPhone; iOS 18.0)');
INSERT INTO public.audit_events VALUES ('01a229b9-adbc-7e11-8ef2-fefc794a7879', '2026-11-29 23:52:44.219619+00', 'user_created', 'success', 'user', 3954770001575240, '2c890fb9-6251-4df9-953e-3a859027d4ef', '\x517b96335a4bd16de1c59ece87bbeb488c31d9e5ba0d3caf8c618e8bb49c3b3a', NULL, '127.0.0.1', 'ExampleApp/1.0 (iPhone; iOS 18.0)');
INSERT INTO public.audit_events VALUES ('01a229b9-ae21-7c02-b855-cbd4f7599d0d', '2026-11-29 23:52:44.320154+00', 'login', 'success', 'user', 782967266730213, '4ab98ce1-7bcf-e6ae-db18-fe3bf0e36a00', '\x517b96335a4bd16de1c59ece87bbeb488c31d9e5ba0d3caf8c618e8bb49c3b3a', NULL, '127.0.0.1', 'ExampleApp/1.0 (iPhone; iOS 18.0)');
INSERT INTO public.audit_events VALUES ('01a229b9-ae3c-71ff-884f-7b8fa2d788ad', '2026-11-29 23:52:44.348123+00', 'login', 'failure', 'user', NULL, NULL, '\x517b96335a4bd16de1c59ece87bbeb488c31d9e5ba0d3caf8c618e8bb49c3b3a', '\x213290a3ecfa280b2c50f1d77a378b5f013689fe5c625b88f92afcb619a12790', '127.0.0.1', 'ExampleApp/1.0 (iPhone; iOS 18.0)');
INSERT INTO public.audit_events VALUES ('01a229b9-ae62-7ce2-96a6-639f9deb148d', '2026-11-29 23:52:44.386837+00', 'login', 'failure', 'user', NULL, NULL, '\x517b96335a4bd16de1c59ece87bbeb488c31d9e5ba0d3caf8c618e8bb49c3b3a', '\x213290a3ecfa280b2c50f1d77a378b5f013689fe5c625b88f92afcb619a12790', '127.0.0.1', 'ExampleApp/1.0 (iPhone; iOS 18.0)');
INSERT INTO public.audit_events VALUES ('01a229b9-ae76-7a95-b8f0-03038e305ef2', '2026-11-29 23:52:44.406688+00', 'login', 'failure', 'user', NULL, NULL, '\x517b96335a4bd16de1c59ece87bbeb488c31d9e5ba0d3caf8c618e8bb49c3b3a', '\x213290a3ecfa280b2c50f1d77a378b5f013689fe5c625b88f92afcb619a12790', '127.0.0.1', 'ExampleApp/1.0 (iPhone; iOS 18.0)');
INSERT INTO public.audit_events VALUES ('01a229b9-ae8d-7249-b986-2fa5655907c9', '2026-11-29 23:52:44.429143+00', 'login', 'failure', 'user', NULL, NULL, '\x517b96335a4bd16de1c59ece87bbeb488c31d9e5ba0d3caf8c618e8bb49c3b3a', '\x213290a3ecfa280b2c50f1d77a378b5f013689fe5c625b88f92afcb619a12790', '127.0.0.1', 'ExampleApp/1.0 (iPhone; iOS 18.0)');
INSERT INTO public.audit_events VALUES ('01a229b9-aea1-72e4-810a-e96221c0959e', '2026-11-29 23:52:44.449181+00', 'login', 'failure', 'user', NULL, NULL, '\x517b96335a4bd16de1c59ece87bbeb488c31d9e5ba0d3caf8c618e8bb49c3b3a', '\x213290a3ecfa280b2c50f1d77a378b5f013689fe5c625b88f92afcb619a12790', '127.0.0.1', 'ExampleApp/1.0 (iPhone; iOS 18.0)');
INSERT INTO public.audit_events VALUES ('01a229b9-b73b-73df-8bc5-17448fe55389', '2026-11-29 23:52:46.647193+00', 'user_created', 'success', 'user', 1179419453483996, '8656bf59-f0a4-9b59-23e2-58fbb40186af', '\x517b96335a4bd16de1c59ece87bbeb488c31d9e5ba0d3caf8c618e8bb49c3b3a', NULL, '127.0.0.1', 'ExampleApp/1.0 (iPhone; iOS 18.0)');
INSERT INTO public.audit_events VALUES ('01a229b9-b77d-7b7c-81e4-7ca3f7211f68', '2026-11-29 23:52:46.716967+00', 'login', 'success', 'user', 1179419453483996, 'c48808b6-af4a-8746-4df5-d8203818fd24', '\x517b96335a4bd16de1c59ece87bbeb488c31d9e5ba0d3caf8c618e8bb49c3b3a', NULL, '127.0.0.1', 'ExampleApp/1.0 (iPhone; iOS 18.0)');
INSERT INTO public.audit_events VALUES ('01a229b9-b7a6-756d-8a0e-5d7a5c06bb37', '2026-11-29 23:52:46.756876+00', 'reauthenticated', 'success', 'user', 1179419453483996, 'c48808b6-af4a-8746-4df5-d8203818fd24', '\x517b96335a4bd16de1c59ece87bbeb488c31d9e5ba0d3caf8c618e8bb49c3b3a', NULL, '127.0.0.1', 'ExampleApp/1.0 (iPhone; iOS 18.0)');
INSERT INTO public.audit_events VALUES ('01a229b9-b7af-7588-93dc-2dc4cae98600', '2026-11-29 23:52:46.762655+00', 'factor_added', 'success', 'user', 1179419453483996, 'c48808b6-af4a-8746-4df5-d8203818fd24', '\x517b96335a4bd16de1c59ece87bbeb488c31d9e5ba0d3caf8c618e8bb49c3b3a', NULL, '127.0.0.1', 'ExampleApp/1.0 (iPhone; iOS 18.0)');

INSERT INTO public.authenticators VALUES (4371699088776049, 1179419453483996, 'totp', '', '2026-11-29 23:52:46.762655+00', '2026-11-29 23:52:46.762655+00', '\x6b313a923411fcbe95076cb5357a8a222cbebdd381c7de8dbef7e0c6d7a45e03c27644660e52c8ad353305c0117a5062ffa017', 59866545, 0, NULL);
INSERT INTO public.authenticators VALUES (3370762856123216, 1179419453483996, 'recovery_codes', '', '2026-11-29 23:52:46.762655+00', NULL, '\x6b313a58def05174def7451b691e9bad543abb75495737201861183d3eccaf44e2d92f0babe3a8dfe3169ba7f58d30fb391455620636c68553d2fc4da2631b25f8b8fab9cde3cad7eaed3ba6423d2b759058026463f3dc46aa3a45abc346b766ead68fb88d8cbcf430c8b1f95803480f4d08dfccc730bb8496131db11c7067d902affe001f23a1938fba9789fb01', 0, 0, '2026-11-29 23:52:46.770906+00');

INSERT INTO public.codes VALUES ('bf1df32b-b0db-46ba-0ed3-1a7de6a7a20f', 'login', 782967266730213, 'ada@example.com', '\x79b9feed72c2200b359bc3d06c9a0285b4b218c7f2384c25f6f57d64a8983d66', 3, 0, 0, '2026-11-29 23:52:44.452827+00', '2026-11-29 23:55:44.452827+00');

INSERT INTO public.email_addresses VALUES (3954770001575240, 'carol@example.com', NULL, true, '2026-11-29 23:52:44.219619+00');
INSERT INTO public.email_addresses VALUES (782967266730213, 'ada@example.com', '2026-11-29 23:52:44.172533+00', true, '2026-11-29 23:52:44.172533+00');
INSERT INTO public.email_addresses VALUES (1179419453483996, 'bob@example.com', '2026-11-29 23:52:46.647193+00', true, '2026-11-29 23:52:46.647193+00');

INSERT INTO public.goose_db_version VALUES (1, 0, true, '2026-11-29 23:52:44.048751');
INSERT INTO public.goose_db_version VALUES (2, 1, true, '2026-11-29 23:52:44.055587');
INSERT INTO public.goose_db_version VALUES (3, 2, true, '2026-11-29 23:52:44.065442');
INSERT INTO public.goose_db_version VALUES (4, 3, true, '2026-11-29 23:52:44.066981');
INSERT INTO public.goose_db_version VALUES (5, 4, true, '2026-11-29 23:52:44.073097');

INSERT INTO public.links VALUES ('\x3a62110c858758bd7ba7ad24fcb3622844c50ee192dd59c9f1a86aa56b877941', 'verify_email', 3954770001575240, 'carol@example.com', '2026-11-29 23:52:44.219619+00', '2026-12-02 23:52:44.219619+00');
INSERT INTO public.links VALUES ('\xd2d1af5035e187d3dc31e89ce6e2c1c5866b7db18c764aa7f42c0745b3dfe7fa', 'reset_password', 782967266730213, 'ada@example.com', '2026-11-29 23:52:44.45553+00', '2026-12-02 23:52:44.45553+00');
INSERT INTO public.links VALUES ('\xb0c760e614038c68bca1170d176f004213eb15ccdff873835fc9a00d5adcc939', 'verify_email', 1179419453483996, 'bob@example.com', '2026-11-29 23:52:46.647193+00', '2026-12-02 23:52:46.647193+00');

INSERT INTO public.messages VALUES ('01a229b9-ad92-7009-8805-f528c127ff14', 'verify_email_link', 782967266730213, '\x646572697665643a614a5993fbfbb863c814ae133aa7b8eedc602c5f3fd091e37a2814c90b94e7d99c3f62fa25d41d4419be95ace71d2ab9cbdbbcf4d02d56dfae38821ddb9c0ac92a78ac8903504550c4409ddf5004128de1ab08b536df66f14e2ad96eb204f04a16a12cf835e7b7f03871aa2f7d18075d1f59a8ff368228e48314ef4ca80f4d4ed09d07c7fceed457fb8711f3ea79a7382166bc80ed48ac8b632c314c4234e6e7ef63e27d92d493194079c5f63dbfd4d1771b90761f481bbbe3db00dc9d23893ce47429b25fe19a76036d6c5057b2d5f68511ef03f5a612f824d51b794e4d912c89cd668b76d81c23a3d20b61b62e5e5d6b059985413c2eeae55e229c4233fb5a306550c1435ccf8e366f73196bbd4422ca34dd3e6375694643e12fad', '2026-11-29 23:52:44.172533+00', NULL, NULL, NULL);
INSERT INTO public.messages VALUES ('01a229b9-adbd-77c7-91ca-78dc4342101c', 'verify_email_link', 3954770001575240, '\x646572697665643acf73eef77559821b50150ffab8cd2b4d30bfa4c3f019a42739e02e5fe91e7d05ac9614645f93bd3931e60cf35816ec1906d0f133874e18b46de814df6c82dd44974021d138afdff60ea2c3047e5f680c7305cb3cda03192f7c05ef86a521995d78ee33309eb8e78bb0fc274c836fc3f37e35198e26223041f446bb5f980919cd2ad76434f5cedb01a505386d02166ee34100fe30f198a9f4a84b272ff611d88ed6bf0b3f0fd1eea7fcbb6b3075813be90652528c402cf9caf983db69faae083eeba17d4a1c6f592c012c9e672b19d97488fb30ca6c3d3872f5b3e01c75efea4d81f5c62b528f5ead382e692763722a57143fc5ee53996c6b92f092c8477d136b182381fc8296ccebb72745e5a7d98da6838130d3186ef271d728f53362f4', '2026-11-29 23:52:44.219619+00', NULL, NULL, NULL);
INSERT INTO public.messages VALUES ('01a229b9-aea5-7cc3-a8bd-88dafa72335a', 'login_code', 782967266730213, '\x646572697665643ad7b91c3b6366225b8e54f5890c8ce6967fb6ac90302b417fc47b4a31f28678b640dd24d051d162395ad36bc7fecef9c453bb881905d370c3c5538ac9880622b2d7f56e041c5f80c17a93c225b2dc8333fa7239d534e1c0da464e765bf4ee0f419b91fa02bc04234cdcd5479a4385ca9b5ba903b6bcb30f668adf2f10b4846a292fda183210735c2f0a3d2af52dac7f6bd84f38ef2e313d28e1474564ae907e5650fe0e9000a599603930eb3b2a8893aedbf384affc8ec4f3b4e9d854d0902143ef6d00907cbacca9be3f12574d078e72b8137d8be8fadfbab12f8c7df62f4d77b7884932b26cc9dcc81d83c551a223062fc5b2cfaad161c9d1af', '2026-11-29 23:52:44.452827+00', NULL, NULL, NULL);
INSERT INTO public.messages VALUES ('01a229b9-aea7-7a09-8696-10bb7c9da3e8', 'password_reset_link', 782967266730213, '\x646572697665643a1d399a2b43c16a456fb27745c7994e685f0fa49b21329eaa8d6ce9341fa67c25cee54d673b18d941e71100a7a002d207e5c6310e1a7c0b849e55cb962c947ee6f1648ea6de6a89e18ed3ef9c640b659b185e6e6a3c0f1ed9bfec53fe8d6433f949391ebacd7a133f8b49b9f66e43d921d54b06409be3250d2723283117c5ff879e0dd1018f8f3c4c91c904dc66ae3784347dd6e2d01f6d55ae9f6bccac880abee3ab238041007f495cd77d49d56d975533cf44bbcd9b8591b4ab8210f90b6d7c8085eb56522ad1a234bf13898521d32c419d5021004db85350b984e20cb1577804a01cffdf321dd8d07f98e9e3c7850e78623ae0afc280317878426c77bc0bb992776c5e441788067311f117b740cb2b555e1568575a1264a95e3e', '2026-11-29 23:52:44.45553+00', NULL, NULL, NULL);
INSERT INTO public.messages VALUES ('01a229b9-b73c-7b1b-9ff9-ae7c3c4dd259', 'verify_email_link', 1179419453483996, '\x6b313a43faad868bef1ff010b31c35a5eb2ba5f58610b6c71e641e029ee3a73621857e5460e45552ea33f47f3aac54170d59dcf8f93cc83b0d081c429ec3ae6e706999f81fcc603e4a280e00352eff3c58577fa9d27cff2133b80466a6b4a20953292bd23d7b749b2247f53cfd37f55d3b940eb320a4c8ad8e27b69bc9651cabc23ed8014765d5dcaf14e05416e983bb0b7ba48dad0c7eec69275f58ccdbca9adf9280dc7659b7a4ef405c901df4aa0278f58b61845e5bffec67e9181c0b47df7247230ee99bd0c752249bf02d90ee6153d28c9a4599a393c25d4a67db629f0d74de67e9845678221d15ef0d7678e1008ad722db92cd8a238b641e417459e7ae5ffa4c530919478ed4494fed80073d4c67c50235798782f25f85ba27c98799', '2026-11-29 23:52:46.647193+00', NULL, NULL, NULL);
INSERT INTO public.messages VALUES ('01a229b9-b7af-7d09-8294-65df7eec1666', 'totp_activated', 1179419453483996, '\x6b313aa964a92929897c2dac118a2e18e26485321af90cc8b64e54de3bccd6e3d41e80f3fabb2c934961164a0574b1c2625a95c682c625a6bde8c941ace0eb007f181976ad19b9e952e5f06cd8c3239df7d92cba397eb685b3799b5e8639f2fc3aee00ff6e10c6bae41f3c374c684d7d292c21d63574e0f7bc4136f91cbf4390c44b81457f0345d25fdc1a11c727236c05b4f16601a1952c8bfdaf1056d448f81aa0010e2964bf936161f0fa9c83318f335208ab7de1f2019e8f81b1de2a2c5e17f4bae733de283e74ce64b51e387717cc4eaaab422392126cd4d32e8c986c3e6107c9e5fac4b4dafdcaad802f7530a72b44e5dbf0c08806ec787e', '2026-11-29 23:52:46.762655+00', NULL, NULL, NULL);

INSERT INTO public.rate_limits VALUES ('\xa4417b4bc31ea1db7011c9e05c2de4edd83fe600c1231986f14d22607c4a1e9e', '2026-11-29 23:55:44.172533+00', 180, 180);
INSERT INTO public.rate_limits VALUES ('\xf8ce4c6e6c896b5290f0294000d15461be1f656575c25a6a59d8f766ed7b3ab5', '2026-11-29 23:55:44.219619+00', 180, 180);
INSERT INTO public.rate_limits VALUES ('\x9b21e03632c048173b444cae5e17b075edac16d9bb3ee41d3038ec8994688e52', '2026-11-29 23:52:44.279545+00', 60, 300);
INSERT INTO public.rate_limits VALUES ('\x13e3aaa4f8a7ca6f711c955418f13b07329f49bdf4255422e393a8be873c51ac', '2026-11-29 23:57:44.326898+00', 60, 300);
INSERT INTO public.rate_limits VALUES ('\x3b07eac792e26235aea6c79a75ca9c1244245be9b817e3ec693da963ade08430', '2026-11-29 23:52:47.452172+00', 3, 60);
INSERT INTO public.rate_limits VALUES ('\x42f11aa869960c96c77169f75f4ba63e7bbe1cb9e9d82c90c1a258e7a37a9be8', '2026-11-29 23:53:04.452172+00', 20, 60);
INSERT INTO public.rate_limits VALUES ('\x83fd008c9cb08cc45e79dae04382bfd3a49f05ecbeab0532de442accd9266cd1', '2026-11-29 23:52:56.454999+00', 12, 60);
INSERT INTO public.rate_limits VALUES ('\x937c6052e6e8d1cfe05da103c7655c19f73172959fcdb53814a2a354d5373049', '2026-11-29 23:52:47.454999+00', 3, 60);
INSERT INTO public.rate_limits VALUES ('\xf065679296129db6b3ef5df0625b7fedc37be834fea1a0bae719d72c38926ea3', '2026-11-29 23:52:53.118044+00', 3, 60);
INSERT INTO public.rate_limits VALUES ('\x4d99da539ce60ebf4c1b1d4eaafbb72f199eff2cf54920200c6d78f20190dfcf', '2026-11-29 23:55:46.647193+00', 180, 180);
INSERT INTO public.rate_limits VALUES ('\xb46bc0dedc2e836c7342d16d3422b8950cc7c300b5e1304924f0ef0eca470983', '2026-11-29 23:53:00.278968+00', 2, 60);
INSERT INTO public.rate_limits VALUES ('\x0e6fca6635566134aebf93349998d6d460b3fc30acb366061479d0c315c9c649', '2026-11-29 23:52:46.683593+00', 60, 300);
INSERT INTO public.rate_limits VALUES ('\xf1a9f5eb37278081da37576099b02c84213d67b45324b1f6a899a05667bb81c6', '2026-11-29 23:52:52.720411+00', 6, 60);
INSERT INTO public.rate_limits VALUES ('\x97838cb892b85c2f52e41d54b8afcd505708a5bd520b4ad70e385990785afd68', '2026-11-29 23:52:46.720585+00', 60, 300);
INSERT INTO public.rate_limits VALUES ('\xe091d6951bded1650b46d05fad4acfd3be38b9d82c66dd09e7c1aa303238bf63', '2026-11-29 23:53:14.326898+00', 6, 60);
INSERT INTO public.rate_limits VALUES ('\xce6e050c3cbae681fc8a254e8b87d7547c38d7d7bab60baeb3314a42678261a8', '2026-11-29 23:55:46.762655+00', 180, 3600);

INSERT INTO public.sessions VALUES ('f4d5c79a-503b-8f04-8585-a5f0e34cf1fb', 282970580513958, '\x1e2604a4cb3aef11965cb2c8dd39cb0e68f5085a6a53dd108039fdc7141c8769', 782967266730213, '2026-11-29 23:52:44.172533+00', '2027-02-27 23:52:44+00', 1, '2026-11-29 23:52:44.172533+00', '2026-11-30 23:52:44+00', NULL, NULL, false, NULL, '2026-11-29 23:52:44.172533+00', 'ExampleApp/1.0 (iPhone; iOS 18.0)', '', '127.0.0.1', '[]', NULL, NULL, NULL);
INSERT INTO public.sessions VALUES ('2c890fb9-6251-4df9-953e-3a859027d4ef', 3523561032131601, '\x7639d0330a22b2dd79a13540ea39f2f60193904e8919d9fe1e6a0a2e65cd8a41', 3954770001575240, '2026-11-29 23:52:44.219619+00', '2027-02-27 23:52:44+00', 1, '2026-11-29 23:52:44.219619+00', '2026-11-30 23:52:44+00', NULL, NULL, false, NULL, '2026-11-29 23:52:44.219619+00', 'ExampleApp/1.0 (iPhone; iOS 18.0)', '', '127.0.0.1', '[]', NULL, NULL, NULL);
INSERT INTO public.sessions VALUES ('4ab98ce1-7bcf-e6ae-db18-fe3bf0e36a00', 3259834033655654, '\x336bfc3bced981ffd274a4114e8c7db83ed965ce5de91a3f7a463b95bad36215', 782967266730213, '2026-11-29 23:52:44.320154+00', '2027-02-27 23:52:44+00', 2, '2026-11-29 23:52:44.324372+00', '2026-11-30 23:52:44+00', NULL, '\x4ae5342274d6ef9303b1359ca4f00b22c50a415d2d68b7722f47f435dd2c090f', true, NULL, '2026-11-29 23:52:44.320154+00', 'ExampleApp/1.0 (iPhone; iOS 18.0)', '', '127.0.0.1', '[{"at": 1795996364.320154, "email": "ada@example.com", "method": "password"}]', NULL, NULL, NULL);
INSERT INTO public.sessions VALUES ('bf1df32b-b0db-46ba-0ed3-1a7de6a7a20f', 3363038394817418, '\x0765e268845f00b8f26181496271cbc59892cd1ada08cabe7ec6e085f23cbb7d', NULL, '2026-11-29 23:52:44.452827+00', '2026-11-30 23:52:44.452827+00', 1, '2026-11-29 23:52:44.452827+00', '2026-11-30 23:52:44.452827+00', NULL, NULL, false, NULL, '2026-11-29 23:52:44.452827+00', 'ExampleApp/1.0 (iPhone; iOS 18.0)', '', '127.0.0.1', '[]', NULL, NULL, '{"email": "ada@example.com", "stage": "login_by_code", "stamp": "0ymeF/RBp3iYyu9fct1srVoceHb7ehBNZnYImlwbelo=", "user_id": 782967266730213, "code_asked": true, "started_at": 1795996364.452827}');
INSERT INTO public.sessions VALUES ('8656bf59-f0a4-9b59-23e2-58fbb40186af', 4242853263948198, '\x89cb4748bf43ecc210b90ae7fc5afcbaa8810ffe584e68d2140610af973f74cf', 1179419453483996, '2026-11-29 23:52:46.647193+00', '2027-02-27 23:52:46+00', 1, '2026-11-29 23:52:46.647193+00', '2026-11-30 23:52:46+00', NULL, NULL, false, NULL, '2026-11-29 23:52:46.647193+00', 'ExampleApp/1.0 (iPhone; iOS 18.0)', '', '127.0.0.1', '[]', NULL, NULL, NULL);
INSERT INTO public.sessions VALUES ('c48808b6-af4a-8746-4df5-d8203818fd24', 2774761076612027, '\xd7b153bdaa2511d44edf511f91c650ba2824895d4d9673ef5a35fecc9c8af06e', 1179419453483996, '2026-11-29 23:52:46.716967+00', '2027-02-27 23:52:46+00', 1, '2026-11-29 23:52:46.716967+00', '2026-11-30 23:52:46+00', NULL, NULL, false, NULL, '2026-11-29 23:52:46.716967+00', 'ExampleApp/1.0 (iPhone; iOS 18.0)', '', '127.0.0.1', '[{"at": 1795996366.716967, "email": "bob@example.com", "method": "password"}, {"at": 1795996366.756876, "method": "password", "reauthenticated": true}]', NULL, NULL, NULL);

INSERT INTO public.users VALUES (782967266730213, 'ada', '$argon2id$v=19$m=19456,t=2,p=1$zriEBCgnEJukE/S6E7PIBA$q6P4zKXpEeM+faB+JNl0ZCNlxL0PGawJ+dtLlFcQjlI', NULL, '2026-11-29 23:52:44.172533+00', NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.users VALUES (3954770001575240, 'carol', '$argon2id$v=19$m=19456,t=2,p=1$9N7IzBXdD7aKS7BOrDp5BQ$5eYsO5fI98V/p6jqffz2WZwvZtYAzAbr9VDq8Y3f/iU', NULL, '2026-11-29 23:52:44.219619+00', NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.users VALUES (1179419453483996, 'bob', '$argon2id$v=19$m=19456,t=2,p=1$nii9bvyUj8FzUrHG18/o9Q$0If+erReDUhKiV847sxiOs3Y9N00gr7v8FnUHzFZW9E', NULL, '2026-11-29 23:52:46.647193+00', NULL, NULL, NULL, NULL, NULL);

INSERT INTO river.river_job VALUES (1, 'retryable', 2, 12, '2026-11-29 23:52:46.259461+00', '2026-11-29 23:52:44.178425+00', NULL, '2026-11-29 23:53:02.394458+00', 1, '{"id": "01a229b9-ad92-7009-8805-f528c127ff14"}', '{server_2026_11_29T23_52_44_012204,server_2026_11_29T23_52_44_012204}', '{"{\"at\": \"2026-11-29T23:52:44.180918956Z\", \"error\": \"smtp_no_connection\", \"trace\": \"\", \"attempt\": 1}","{\"at\": \"2026-11-29T23:52:46.260335651Z\", \"error\": \"smtp_no_connection\", \"trace\": \"\", \"attempt\": 2}"}', 'message', '{}', 'default', '{}', NULL, NULL);
INSERT INTO river.river_job VALUES (2, 'retryable', 2, 12, '2026-11-29 23:52:46.259461+00', '2026-11-29 23:52:44.221648+00', NULL, '2026-11-29 23:53:02.16377+00', 1, '{"id": "01a229b9-adbd-77c7-91ca-78dc4342101c"}', '{server_2026_11_29T23_52_44_012204,server_2026_11_29T23_52_44_012204}', '{"{\"at\": \"2026-11-29T23:52:44.222881162Z\", \"error\": \"smtp_no_connection\", \"trace\": \"\", \"attempt\": 1}","{\"at\": \"2026-11-29T23:52:46.260259067Z\", \"error\": \"smtp_no_connection\", \"trace\": \"\", \"attempt\": 2}"}', 'message', '{}', 'default', '{}', NULL, NULL);
INSERT INTO river.river_job VALUES (3, 'retryable', 2, 12, '2026-11-29 23:52:46.259461+00', '2026-11-29 23:52:44.453975+00', NULL, '2026-11-29 23:53:02.916344+00', 1, '{"id": "01a229b9-aea5-7cc3-a8bd-88dafa72335a"}', '{server_2026_11_29T23_52_44_012204,server_2026_11_29T23_52_44_012204}', '{"{\"at\": \"2026-11-29T23:52:44.45545311Z\", \"error\": \"smtp_no_connection\", \"trace\": \"\", \"attempt\": 1}","{\"at\": \"2026-11-29T23:52:46.260493867Z\", \"error\": \"smtp_no_connection\", \"trace\": \"\", \"attempt\": 2}"}', 'message', '{}', 'default', '{}', NULL, NULL);
INSERT INTO river.river_job VALUES (4, 'retryable', 2, 12, '2026-11-29 23:52:46.259461+00', '2026-11-29 23:52:44.455747+00', NULL, '2026-11-29 23:53:00.784611+00', 1, '{"id": "01a229b9-aea7-7a09-8696-10bb7c9da3e8"}', '{server_2026_11_29T23_52_44_012204,server_2026_11_29T23_52_44_012204}', '{"{\"at\": \"2026-11-29T23:52:44.483178091Z\", \"error\": \"smtp_no_connection\", \"trace\": \"\", \"attempt\": 1}","{\"at\": \"2026-11-29T23:52:46.260064287Z\", \"error\": \"smtp_no_connection\", \"trace\": \"\", \"attempt\": 2}"}', 'message', '{}', 'default', '{}', NULL, NULL);
INSERT INTO river.river_job VALUES (5, 'available', 1, 12, '2026-11-29 23:52:46.679504+00', '2026-11-29 23:52:46.653206+00', NULL, '2026-11-29 23:52:47.705261+00', 1, '{"id": "01a229b9-b73c-7b1b-9ff9-ae7c3c4dd259"}', '{server_2026_11_29T23_52_46_509225}', '{"{\"at\": \"2026-11-29T23:52:46.680239172Z\", \"error\": \"smtp_no_connection\", \"trace\": \"\", \"attempt\": 1}"}', 'message', '{}', 'default', '{}', NULL, NULL);
INSERT INTO river.river_job VALUES (6, 'available', 1, 12, '2026-11-29 23:52:46.769478+00', '2026-11-29 23:52:46.76804+00', NULL, '2026-11-29 23:52:47.838315+00', 1, '{"id": "01a229b9-b7af-7d09-8294-65df7eec1666"}', '{server_2026_11_29T23_52_46_509225}', '{"{\"at\": \"2026-11-29T23:52:46.770010856Z\", \"error\": \"smtp_no_connection\", \"trace\": \"\", \"attempt\": 1}"}', 'message', '{}', 'default', '{}', NULL, NULL);

INSERT INTO river.river_migration VALUES ('main', 1, '2026-11-29 23:52:44.085282+00');
INSERT INTO river.river_migration VALUES ('main', 2, '2026-11-29 23:52:44.087243+00');
INSERT INTO river.river_migration VALUES ('main', 3, '2026-11-29 23:52:44.091585+00');
INSERT INTO river.river_migration VALUES ('main', 4, '2026-11-29 23:52:44.092279+00');
INSERT INTO river.river_migration VALUES ('main', 5, '2026-11-29 23:52:44.09398+00');
INSERT INTO river.river_migration VALUES ('main', 6, '2026-11-29 23:52:44.097546+00');
INSERT INTO river.river_migration VALUES ('main', 7, '2026-11-29 23:52:44.098572+00');
INSERT INTO river.river_migration VALUES ('main', 8, '2026-11-29 23:52:44.100793+00');

INSERT INTO river.river_queue VALUES ('default', '2026-11-29 23:52:44.123426+00', '{}', NULL, '2026-11-29 23:52:46.600647+00');

SELECT pg_catalog.setval('public.goose_db_version_id_seq', 5, true);

SELECT pg_catalog.setval('river.river_job_id_seq', 6, true);

SELECT pg_catalog.setval('river.river_notification_id_seq', 1, false);

ALTER TABLE ONLY public.audit_events
    ADD CONSTRAINT audit_events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.authenticators
    ADD CONSTRAINT authenticators_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.ceremonies
    ADD CONSTRAINT ceremonies_pkey PRIMARY KEY (session_id, purpose);

ALTER TABLE ONLY public.codes
    ADD CONSTRAINT codes_pkey PRIMARY KEY (session_id, purpose);

ALTER TABLE ONLY public.email_addresses
    ADD CONSTRAINT email_addresses_pkey PRIMARY KEY (user_id, address);

ALTER TABLE ONLY public.goose_db_version
    ADD CONSTRAINT goose_db_version_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.links
    ADD CONSTRAINT links_pkey PRIMARY KEY (key_hash);

ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_pkey PRIMARY KEY (user_id, tenant_id);

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.provider_accounts
    ADD CONSTRAINT provider_accounts_pkey PRIMARY KEY (provider, uid);

ALTER TABLE ONLY public.provider_nonces
    ADD CONSTRAINT provider_nonces_pkey PRIMARY KEY (nonce_hash);

ALTER TABLE ONLY public.rate_limits
    ADD CONSTRAINT rate_limits_pkey PRIMARY KEY (key);

ALTER TABLE ONLY public.revocations
    ADD CONSTRAINT revocations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.spent_id_tokens
    ADD CONSTRAINT spent_id_tokens_pkey PRIMARY KEY (token_hash);

ALTER TABLE ONLY public.tenants
    ADD CONSTRAINT tenants_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.webauthn_credentials
    ADD CONSTRAINT webauthn_credentials_pkey PRIMARY KEY (authenticator_id);

ALTER TABLE ONLY river.river_job
    ADD CONSTRAINT river_job_pkey PRIMARY KEY (id);

ALTER TABLE ONLY river.river_leader
    ADD CONSTRAINT river_leader_pkey PRIMARY KEY (name);

ALTER TABLE ONLY river.river_migration
    ADD CONSTRAINT river_migration_pkey1 PRIMARY KEY (line, version);

ALTER TABLE ONLY river.river_notification
    ADD CONSTRAINT river_notification_pkey PRIMARY KEY (id);

ALTER TABLE ONLY river.river_queue
    ADD CONSTRAINT river_queue_pkey PRIMARY KEY (name);

CREATE INDEX audit_events_personal ON public.audit_events USING btree (occurred_at) WHERE ((address IS NOT NULL) OR (user_agent IS NOT NULL));

CREATE INDEX audit_events_user ON public.audit_events USING btree (user_id, id);

CREATE UNIQUE INDEX authenticators_once ON public.authenticators USING btree (user_id, type) WHERE (type <> 'webauthn'::text);

CREATE INDEX authenticators_user ON public.authenticators USING btree (user_id);

CREATE INDEX ceremonies_expires_at ON public.ceremonies USING btree (expires_at);

CREATE INDEX codes_user ON public.codes USING btree (user_id);

CREATE INDEX email_addresses_address ON public.email_addresses USING btree (address);

CREATE UNIQUE INDEX email_addresses_primary ON public.email_addresses USING btree (user_id) WHERE is_primary;

CREATE UNIQUE INDEX email_addresses_verified ON public.email_addresses USING btree (address) WHERE (verified_at IS NOT NULL);

CREATE INDEX links_expires_at ON public.links USING btree (expires_at);

CREATE INDEX links_user ON public.links USING btree (user_id);

CREATE UNIQUE INDEX memberships_primary ON public.memberships USING btree (user_id) WHERE is_primary;

CREATE INDEX memberships_tenant ON public.memberships USING btree (tenant_id);

CREATE INDEX messages_created_at ON public.messages USING btree (created_at);

CREATE INDEX messages_user ON public.messages USING btree (user_id);

CREATE INDEX provider_accounts_user ON public.provider_accounts USING btree (user_id);

CREATE INDEX provider_nonces_expires_at ON public.provider_nonces USING btree (expires_at);

CREATE INDEX rate_limits_used_until ON public.rate_limits USING btree (used_until);

CREATE INDEX revocations_next_at ON public.revocations USING btree (next_at);

CREATE UNIQUE INDEX sessions_listing ON public.sessions USING btree (listing_id);

CREATE UNIQUE INDEX sessions_token ON public.sessions USING btree (token_hash);

CREATE INDEX sessions_user ON public.sessions USING btree (user_id);

CREATE INDEX spent_id_tokens_expires_at ON public.spent_id_tokens USING btree (expires_at);

CREATE INDEX users_deletes_at ON public.users USING btree (deletes_at) WHERE (deletes_at IS NOT NULL);

CREATE INDEX users_phone ON public.users USING btree (phone) WHERE (phone IS NOT NULL);

CREATE UNIQUE INDEX users_phone_verified ON public.users USING btree (phone) WHERE (phone_verified_at IS NOT NULL);

CREATE UNIQUE INDEX users_username ON public.users USING btree (lower(username));

CREATE UNIQUE INDEX users_webauthn_handle ON public.users USING btree (webauthn_handle) WHERE (webauthn_handle IS NOT NULL);

CREATE UNIQUE INDEX webauthn_credentials_credential ON public.webauthn_credentials USING btree (credential_id);

CREATE INDEX river_job_args_index ON river.river_job USING gin (args);

CREATE INDEX river_job_kind ON river.river_job USING btree (kind);

CREATE INDEX river_job_metadata_index ON river.river_job USING gin (metadata);

CREATE INDEX river_job_prioritized_fetching_index ON river.river_job USING btree (state, queue, priority, scheduled_at, id);

CREATE INDEX river_job_state_and_finalized_at_index ON river.river_job USING btree (state, finalized_at) WHERE (finalized_at IS NOT NULL);

CREATE UNIQUE INDEX river_job_unique_idx ON river.river_job USING btree (unique_key) WHERE ((unique_key IS NOT NULL) AND (unique_states IS NOT NULL) AND river.river_job_state_in_bitmask(unique_states, state));

CREATE INDEX river_notification_created_at_idx ON river.river_notification USING btree (created_at);

CREATE INDEX river_notification_topic_id_idx ON river.river_notification USING btree (topic, id);

CREATE TRIGGER audit_events_are_kept BEFORE DELETE OR UPDATE ON public.audit_events FOR EACH ROW EXECUTE FUNCTION public.audit_events_are_kept();

ALTER TABLE ONLY public.authenticators
    ADD CONSTRAINT authenticators_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.ceremonies
    ADD CONSTRAINT ceremonies_session_id_fkey FOREIGN KEY (session_id) REFERENCES public.sessions(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.codes
    ADD CONSTRAINT codes_session_id_fkey FOREIGN KEY (session_id) REFERENCES public.sessions(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.codes
    ADD CONSTRAINT codes_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.email_addresses
    ADD CONSTRAINT email_addresses_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.links
    ADD CONSTRAINT links_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.provider_accounts
    ADD CONSTRAINT provider_accounts_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.webauthn_credentials
    ADD CONSTRAINT webauthn_credentials_authenticator_id_fkey FOREIGN KEY (authenticator_id) REFERENCES public.authenticators(id) ON DELETE CASCADE;

