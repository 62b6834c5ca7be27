-- +goose NO TRANSACTION
-- +goose Up

-- Operators find users by the beginning of an address, whatever the locale of the database.
CREATE INDEX CONCURRENTLY IF NOT EXISTS email_addresses_prefix ON email_addresses (address COLLATE "C", user_id);
