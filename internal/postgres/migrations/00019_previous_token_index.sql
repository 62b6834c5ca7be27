-- +goose NO TRANSACTION
-- +goose Up
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS sessions_previous_token ON sessions (previous_token_hash) WHERE previous_token_hash IS NOT NULL;
