-- +goose Up

-- A code can prove again who is signed in.
ALTER TABLE codes DROP CONSTRAINT codes_purpose_check;
ALTER TABLE codes ADD CONSTRAINT codes_purpose_check
    CHECK (purpose IN ('login', 'verify_email', 'verify_phone', 'reset_password', 'reauthenticate'));

-- A nonce belongs to the session that asked for it, and to one process.
ALTER TABLE provider_nonces
    ADD COLUMN session_id uuid,
    ADD COLUMN process text CHECK (process IN ('login', 'connect', 'reauthenticate'));
