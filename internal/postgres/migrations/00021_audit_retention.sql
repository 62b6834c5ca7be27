-- +goose Up

-- Audit events leave after their retention, 30 days at the earliest, and never all at once. What is
-- personal in one, the hashes of addresses included, is emptied when its user goes.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION audit_events_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.address IS NULL AND NEW.user_agent IS NULL
       AND (NEW.address_hash IS NULL OR NEW.address_hash = OLD.address_hash)
       AND (NEW.email_hash IS NULL OR NEW.email_hash = OLD.email_hash)
       AND (NEW.id, NEW.occurred_at, NEW.event, NEW.result, NEW.actor) = (OLD.id, OLD.occurred_at, OLD.event, OLD.result, OLD.actor)
       AND (NEW.user_id, NEW.session_id) IS NOT DISTINCT FROM (OLD.user_id, OLD.session_id) THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' AND OLD.occurred_at < now() - interval '30 days' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'audit events are not changed, and not removed before they are 30 days old' USING ERRCODE = 'restrict_violation';
END $$;
-- +goose StatementEnd
CREATE TRIGGER audit_events_are_not_truncated BEFORE TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION audit_events_are_kept();
