-- +goose NO TRANSACTION
-- +goose Up

-- Operators read what happened to one session.
CREATE INDEX CONCURRENTLY IF NOT EXISTS audit_events_session ON audit_events (session_id, id) WHERE session_id IS NOT NULL;
