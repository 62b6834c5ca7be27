-- +goose Up
ALTER TABLE users ADD COLUMN proved_elsewhere_at timestamptz;

-- +goose Down
ALTER TABLE users DROP COLUMN proved_elsewhere_at;
