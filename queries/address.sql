-- Whether any user has an address, exactly as it is stored.
-- name: FindStoredAddress :one
SELECT EXISTS (SELECT FROM email_addresses WHERE address = @address)::boolean;

-- Addresses of before that nobody has looked at yet.
-- name: ListFormerAddresses :many
SELECT user_id, address
  FROM email_addresses
 WHERE octet_length(address) <> length(address) AND normal_form IS NULL
 ORDER BY user_id, address
 LIMIT @most;

-- name: UpdateNormalForm :exec
UPDATE email_addresses SET normal_form = @normal_form::text WHERE user_id = @user_id AND address = @address AND normal_form IS NULL;

-- Addresses of before that can take their normal form: no address in another form has the same one.
-- name: ListAddressesToNormalize :many
SELECT e.user_id, e.address, e.normal_form::text AS normal_form
  FROM email_addresses e
 WHERE e.normal_form IS NOT NULL AND e.normal_form <> e.address
   AND NOT EXISTS (SELECT FROM email_addresses o WHERE o.address = e.normal_form)
   AND NOT EXISTS (SELECT FROM email_addresses o WHERE o.normal_form = e.normal_form AND o.address <> e.address)
 ORDER BY e.normal_form, e.user_id
 LIMIT @most;

-- Gives the addresses of before that are written alike their normal form, those of all users at once,
-- unless one in another form has the same one; and what is under way to them.
-- name: UpdateAddressNormalized :one
WITH moved AS (
    UPDATE email_addresses e SET address = @normal_form::text, normal_form = NULL
     WHERE e.address = @address::text AND e.normal_form = @normal_form
       AND NOT EXISTS (SELECT FROM email_addresses o WHERE o.address = @normal_form)
       AND NOT EXISTS (SELECT FROM email_addresses o WHERE o.normal_form = @normal_form AND o.address <> @address)
    RETURNING e.user_id
), codes_too AS (
    UPDATE codes c SET target = @normal_form FROM moved m WHERE c.user_id = m.user_id AND c.target = @address
), links_too AS (
    UPDATE links l SET address = @normal_form FROM moved m WHERE l.user_id = m.user_id AND l.address = @address
), undo_links_too AS (
    UPDATE undo_links l SET target = @normal_form FROM moved m WHERE l.user_id = m.user_id AND l.target = @address
)
SELECT count(*) FROM moved;

-- Addresses that keep the form of before: twins of others, the others in their normal form, and those
-- that have no normal form.
-- name: ListAddressTwins :many
SELECT e.user_id, e.address, e.normal_form::text AS normal_form
  FROM email_addresses e
 WHERE e.normal_form IS NOT NULL
UNION ALL
SELECT o.user_id, o.address, o.address AS normal_form
  FROM email_addresses o
 WHERE o.normal_form IS NULL AND o.address IN (SELECT e.normal_form FROM email_addresses e WHERE e.normal_form IS NOT NULL)
 ORDER BY normal_form, address, user_id;

-- name: CountAddressTwins :one
SELECT count(*) FROM email_addresses WHERE normal_form IS NOT NULL;
