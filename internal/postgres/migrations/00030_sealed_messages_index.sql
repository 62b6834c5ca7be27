-- +goose NO TRANSACTION
-- +goose Up

-- The janitor erases messages by this index.
CREATE INDEX CONCURRENTLY IF NOT EXISTS messages_sealed ON messages (created_at) WHERE sealed IS NOT NULL;
