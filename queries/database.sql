-- Whether a function of this signature exists, such as 'app.claims(bigint)'.
-- name: FindFunction :one
SELECT (to_regprocedure(@signature::text) IS NOT NULL)::boolean;

-- Whether the caller has the migration lock now. It never waits: a waiting statement has a snapshot,
-- for which CREATE INDEX CONCURRENTLY of the process that has the lock would wait in turn. The lock
-- goes with the transaction.
-- name: LockMigrations :one
SELECT pg_try_advisory_xact_lock(7105000001);

-- Whether the table that lists the applied migrations exists.
-- name: FindMigrationTable :one
SELECT (to_regclass('goose_db_version') IS NOT NULL)::boolean;

-- Whether an index of this name is what a failed CREATE INDEX CONCURRENTLY has left behind.
-- name: FindInvalidIndex :one
SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_index i
                WHERE i.indexrelid = to_regclass(@name::text)::oid AND NOT i.indisvalid)::boolean;

-- The server that has this lock removes what nobody needs any more. The transaction's end ends it.
-- name: TryJanitorLock :one
SELECT pg_try_advisory_xact_lock(7105000002);

-- The database's time, also in the middle of a transaction.
-- name: FindTime :one
SELECT clock_timestamp()::timestamptz;
