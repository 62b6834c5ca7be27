-- name: InsertAuditEvent :exec
INSERT INTO audit_events (id, occurred_at, event, result, actor, user_id, session_id, address_hash, email_hash, address, user_agent,
                          actor_id, reason, details)
VALUES (@id, @occurred_at, @event, @result, @actor, @user_id, @session_id, @address_hash, @email_hash, @address, @user_agent,
        @actor_id, @reason, @details);

-- A page of all events, the newest first. Ids sort by time.
-- name: ListAuditEvents :many
SELECT sqlc.embed(a), u.subject
  FROM audit_events a
  LEFT JOIN users u ON u.id = a.user_id
 WHERE a.id >= @first_id AND a.id < @before_id
   AND (@event::text = '' OR a.event = @event) AND (@result::text = '' OR a.result = @result)
   AND (@actor::text = '' OR a.actor = @actor OR a.actor_id = @actor)
 ORDER BY a.id DESC
 LIMIT @most::integer;

-- The same of one user.
-- name: ListAuditEventsOfUser :many
SELECT sqlc.embed(a), u.subject
  FROM audit_events a
  LEFT JOIN users u ON u.id = a.user_id
 WHERE a.user_id = @user_id::bigint AND a.id >= @first_id AND a.id < @before_id
   AND (@event::text = '' OR a.event = @event) AND (@result::text = '' OR a.result = @result)
   AND (@actor::text = '' OR a.actor = @actor OR a.actor_id = @actor)
 ORDER BY a.id DESC
 LIMIT @most::integer;

-- The same of one session.
-- name: ListAuditEventsOfSession :many
SELECT sqlc.embed(a), u.subject
  FROM audit_events a
  LEFT JOIN users u ON u.id = a.user_id
 WHERE a.session_id = @session_id::uuid AND a.id >= @first_id AND a.id < @before_id
   AND (@event::text = '' OR a.event = @event) AND (@result::text = '' OR a.result = @result)
   AND (@actor::text = '' OR a.actor = @actor OR a.actor_id = @actor)
 ORDER BY a.id DESC
 LIMIT @most::integer;

-- Empties what is personal in old rows: the only change that the table allows.
-- name: UpdateOldAuditEvents :execrows
UPDATE audit_events SET address = NULL, user_agent = NULL, reason = NULL
 WHERE id IN (SELECT a.id FROM audit_events a
               WHERE a.occurred_at < @before::timestamptz AND (a.address IS NOT NULL OR a.user_agent IS NOT NULL)
               ORDER BY a.occurred_at LIMIT 2000);

-- Empties the reasons in old rows.
-- name: UpdateOldAuditReasons :execrows
UPDATE audit_events SET address = NULL, user_agent = NULL, reason = NULL
 WHERE id IN (SELECT a.id FROM audit_events a
               WHERE a.occurred_at < @before::timestamptz AND a.reason IS NOT NULL
               ORDER BY a.occurred_at LIMIT 2000);

-- Removes the personal data from the rows of a deleted user, including the hashes of addresses: with the key of
-- the hashes one could find the address.
-- name: UpdateAuditEventsOfUser :execrows
UPDATE audit_events SET address = NULL, user_agent = NULL, address_hash = NULL, email_hash = NULL, reason = NULL
 WHERE user_id = @user_id::bigint
   AND (address IS NOT NULL OR user_agent IS NOT NULL OR address_hash IS NOT NULL OR email_hash IS NOT NULL OR reason IS NOT NULL);

-- Removes the oldest rows. Their ids sort by time, so that this needs no other index; the age is by the
-- database's clock, as in the trigger.
-- name: DeleteOldAuditEvents :execrows
DELETE FROM audit_events
 WHERE id IN (SELECT a.id FROM audit_events a
               WHERE a.id < @before_id::uuid AND a.occurred_at < now() - make_interval(days => @days::integer)
               ORDER BY a.id LIMIT 2000);
