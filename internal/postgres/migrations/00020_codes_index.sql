-- +goose NO TRANSACTION
-- +goose Up

-- The janitor removes codes by this index.
CREATE INDEX CONCURRENTLY IF NOT EXISTS codes_expires_at ON codes (expires_at);
