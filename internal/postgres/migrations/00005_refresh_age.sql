-- +goose Up
-- The age of a generation is measured by the clock of the database, so rotated_at is written by
-- that clock. `iat` of a refresh token stays a time of the server that issued the token.
ALTER TABLE sessions ADD COLUMN refresh_issued_at timestamptz;

-- +goose Down
ALTER TABLE sessions DROP COLUMN refresh_issued_at;
