-- +goose NO TRANSACTION
-- +goose Up
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_unused ON users (unused_since) WHERE unused_since IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS email_addresses_expiring ON email_addresses (created_at) WHERE verified_at IS NULL AND NOT is_primary;

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS email_addresses_expiring;
DROP INDEX CONCURRENTLY IF EXISTS users_unused;
