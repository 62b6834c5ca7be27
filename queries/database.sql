-- Whether a function of this signature exists, such as 'app.claims(bigint)'.
-- name: FindFunction :one
SELECT (to_regprocedure(@signature::text) IS NOT NULL)::boolean;

-- Several processes may start at once on an empty database: one migrates, the others wait.
-- name: LockMigrations :exec
SELECT pg_advisory_lock(7105000001);
