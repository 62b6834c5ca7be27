-- +goose Up
-- Nobody waits for it: readers and writers go on meanwhile.
ALTER TABLE sessions VALIDATE CONSTRAINT sessions_end_reason_check;

-- +goose Down
SELECT 1;
