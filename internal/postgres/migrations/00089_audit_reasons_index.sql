-- +goose NO TRANSACTION
-- +goose Up

-- The janitor empties old reasons.
CREATE INDEX CONCURRENTLY IF NOT EXISTS audit_events_reason ON audit_events (occurred_at) WHERE reason IS NOT NULL;
