-- +goose NO TRANSACTION
-- +goose Up

-- Addresses of before that are not ASCII, and so may not be in their normal form.
CREATE INDEX CONCURRENTLY IF NOT EXISTS email_addresses_former ON email_addresses (user_id, address) WHERE octet_length(address) <> length(address) AND normal_form IS NULL;

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS email_addresses_former;
