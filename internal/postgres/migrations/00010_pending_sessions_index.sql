-- +goose NO TRANSACTION
-- +goose Up

-- The janitor removes pending sessions by this index.
CREATE INDEX CONCURRENTLY IF NOT EXISTS sessions_pending ON sessions (expires_at) WHERE user_id IS NULL;
