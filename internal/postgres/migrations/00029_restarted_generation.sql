-- +goose Up
ALTER TABLE sessions ADD COLUMN restarted_generation bigint;

-- +goose Down
ALTER TABLE sessions DROP COLUMN restarted_generation;
