-- +goose Up

-- Users whose passwords another system verifies until they sign in here for the first time.
ALTER TABLE users ADD COLUMN password_hook boolean NOT NULL DEFAULT false;

-- +goose Down
ALTER TABLE users DROP COLUMN password_hook;
