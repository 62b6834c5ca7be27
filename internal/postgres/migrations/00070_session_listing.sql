-- +goose NO TRANSACTION
-- +goose Up

-- Listing ids have 31 bits: they are unique for their user, no longer for all.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS sessions_user_listing ON sessions (user_id, listing_id);
