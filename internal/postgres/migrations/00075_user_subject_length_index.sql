-- +goose NO TRANSACTION
-- +goose Up

-- The start asks for the longest subject, which the size of tokens depends on.
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_subject_length ON users (length(subject)) WHERE subject IS NOT NULL;
