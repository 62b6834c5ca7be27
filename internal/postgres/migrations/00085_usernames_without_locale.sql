-- +goose NO TRANSACTION
-- +goose Up

-- users_username_key decides alone which user names are one: in a Turkish locale this index took I and
-- dotless i for one letter.
DROP INDEX CONCURRENTLY IF EXISTS users_username;

-- +goose Down
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS users_username ON users (lower(username));
