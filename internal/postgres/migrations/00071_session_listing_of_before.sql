-- +goose NO TRANSACTION
-- +goose Up
DROP INDEX CONCURRENTLY IF EXISTS sessions_listing;

-- Its work is done by sessions_user_listing.
DROP INDEX CONCURRENTLY IF EXISTS sessions_user;
