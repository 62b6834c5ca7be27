-- +goose NO TRANSACTION
-- +goose Up

-- User names of before are found by it until the janitor has made their keys. COLLATE "C" knows the case
-- of ASCII letters alone, whatever the locale of the database.
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_username_former ON users (lower(username COLLATE "C")) WHERE username_key IS NULL;

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS users_username_former;
