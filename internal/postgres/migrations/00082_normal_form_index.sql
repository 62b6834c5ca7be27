-- +goose NO TRANSACTION
-- +goose Up
CREATE INDEX CONCURRENTLY IF NOT EXISTS email_addresses_normal_form ON email_addresses (normal_form) WHERE normal_form IS NOT NULL;

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS email_addresses_normal_form;
