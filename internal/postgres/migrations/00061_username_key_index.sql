-- +goose NO TRANSACTION
-- +goose Up
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS users_username_key ON users (username_key);

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS users_username_key;
