-- +goose Up
ALTER TABLE email_addresses ADD COLUMN normal_form text;

-- The locale of a database decides nothing: COLLATE "C" knows the case of ASCII letters alone.
ALTER TABLE email_addresses DROP CONSTRAINT email_addresses_address_check;
ALTER TABLE email_addresses ADD CONSTRAINT email_addresses_address_check
    CHECK (address = lower(address COLLATE "C") AND octet_length(address) <= 254) NOT VALID;

-- +goose Down
ALTER TABLE email_addresses DROP CONSTRAINT email_addresses_address_check;
ALTER TABLE email_addresses ADD CONSTRAINT email_addresses_address_check
    CHECK (address = lower(address) AND octet_length(address) <= 254);
ALTER TABLE email_addresses DROP COLUMN normal_form;
