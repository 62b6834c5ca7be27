-- +goose Up

-- A session token can be exchanged for access and refresh token once: what that spent.
ALTER TABLE sessions ADD COLUMN exchanged_generation bigint;

-- +goose Down
ALTER TABLE sessions DROP COLUMN exchanged_generation;
