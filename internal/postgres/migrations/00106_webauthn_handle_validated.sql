-- +goose Up
-- Nobody waits for it: readers and writers go on meanwhile.
ALTER TABLE users VALIDATE CONSTRAINT users_webauthn_handle_check;

-- +goose Down
SELECT 1;
