-- +goose Up

-- Audit events name the operator, and say why and what else is known.
ALTER TABLE audit_events
    ADD COLUMN actor_id text CHECK (length(actor_id) BETWEEN 1 AND 200),
    ADD COLUMN reason text CHECK (length(reason) BETWEEN 1 AND 500),
    ADD COLUMN details jsonb CHECK (jsonb_typeof(details) = 'object');

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION audit_events_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.address IS NULL AND NEW.user_agent IS NULL AND NEW.reason IS NULL
       AND (NEW.address_hash IS NULL OR NEW.address_hash = OLD.address_hash)
       AND (NEW.email_hash IS NULL OR NEW.email_hash = OLD.email_hash)
       AND (NEW.id, NEW.occurred_at, NEW.event, NEW.result, NEW.actor) = (OLD.id, OLD.occurred_at, OLD.event, OLD.result, OLD.actor)
       AND (NEW.user_id, NEW.session_id, NEW.actor_id, NEW.details) IS NOT DISTINCT FROM (OLD.user_id, OLD.session_id, OLD.actor_id, OLD.details) THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' AND OLD.occurred_at < now() - interval '30 days' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'audit events are not changed, and not removed before they are 30 days old' USING ERRCODE = 'restrict_violation';
END $$;
-- +goose StatementEnd
