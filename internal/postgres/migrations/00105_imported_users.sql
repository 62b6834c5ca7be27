-- +goose Up

-- Passkeys of other systems name their user by 1 to 64 bytes.
ALTER TABLE users DROP CONSTRAINT users_webauthn_handle_check;
ALTER TABLE users ADD CONSTRAINT users_webauthn_handle_check
    CHECK (octet_length(webauthn_handle) BETWEEN 1 AND 64) NOT VALID;

-- Users that `latchkey import` made. It changes and deletes no other ones.
CREATE TABLE imported_users (
    user_id   bigint PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    -- SHA-256 of the line that the user was imported from last, and of what else decides how it is read.
    line_hash bytea  NOT NULL CHECK (octet_length(line_hash) = 32)
);
COMMENT ON TABLE imported_users IS 'Users that an import made.';

-- +goose Down
DROP TABLE imported_users;
UPDATE users SET webauthn_handle = NULL WHERE octet_length(webauthn_handle) <> 32;
ALTER TABLE users DROP CONSTRAINT users_webauthn_handle_check;
ALTER TABLE users ADD CONSTRAINT users_webauthn_handle_check CHECK (octet_length(webauthn_handle) = 32) NOT VALID;
