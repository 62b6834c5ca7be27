-- +goose Up
ALTER TABLE users ADD COLUMN unproved_password_hash text;

ALTER TABLE sessions DROP CONSTRAINT sessions_end_reason_check;
ALTER TABLE sessions ADD CONSTRAINT sessions_end_reason_check
    CHECK (end_reason IN ('signed_out', 'ended_by_user', 'ended_by_admin',
                          'session_limit', 'password_changed', 'reuse_detected',
                          'account_disabled', 'account_deleted', 'ownership_verified')) NOT VALID;

-- +goose Down
UPDATE sessions SET end_reason = 'password_changed' WHERE end_reason = 'ownership_verified';
ALTER TABLE sessions DROP CONSTRAINT sessions_end_reason_check;
ALTER TABLE sessions ADD CONSTRAINT sessions_end_reason_check
    CHECK (end_reason IN ('signed_out', 'ended_by_user', 'ended_by_admin',
                          'session_limit', 'password_changed', 'reuse_detected',
                          'account_disabled', 'account_deleted'));
ALTER TABLE users DROP COLUMN unproved_password_hash;
