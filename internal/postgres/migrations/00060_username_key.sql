-- +goose Up
ALTER TABLE users ADD COLUMN username_key text;

-- +goose Down
ALTER TABLE users DROP COLUMN username_key;
