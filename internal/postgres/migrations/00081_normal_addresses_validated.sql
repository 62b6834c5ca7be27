-- +goose Up
-- Nobody waits for it: readers and writers go on meanwhile.
ALTER TABLE email_addresses VALIDATE CONSTRAINT email_addresses_address_check;

-- +goose Down
SELECT 1;
