-- +goose NO TRANSACTION
-- +goose Up

-- Passwords that other systems hashed: servers look for their kinds, and there are fewer each day.
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_foreign_hash ON users (id)
 WHERE password_hash IS NOT NULL AND NOT starts_with(password_hash, '$argon2id$v=19$m=19456,t=2,p=1$');
