-- +goose NO TRANSACTION
-- +goose Up

-- The janitor finds user names of before by this index.
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_username_without_key ON users (id) WHERE username IS NOT NULL AND username_key IS NULL;

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS users_username_without_key;
