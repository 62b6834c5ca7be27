-- What keeps the caller from calling a function, such as 'app.claims(bigint)' of the schema 'app': missing,
-- schema (no right to use it), execute (no right to call it), or nothing. Only the right order asks about
-- rights: to_regprocedure is an error where the schema may not be used.
-- name: FindFunctionFault :one
SELECT (CASE
    WHEN to_regnamespace(@schema::text) IS NULL THEN 'missing'
    WHEN NOT has_schema_privilege(to_regnamespace(@schema::text)::oid, 'USAGE') THEN 'schema'
    WHEN to_regprocedure(@signature::text) IS NULL THEN 'missing'
    WHEN NOT has_function_privilege(to_regprocedure(@signature::text)::oid, 'EXECUTE') THEN 'execute'
    ELSE ''
END)::text;

-- Whether the caller has the migration lock now. It never waits: a waiting statement has a snapshot,
-- for which CREATE INDEX CONCURRENTLY of the process that has the lock would wait in turn. The lock
-- goes with the transaction.
-- name: LockMigrations :one
SELECT pg_try_advisory_xact_lock(7105000001);

-- Whether the table that lists the applied migrations exists.
-- name: FindMigrationTable :one
SELECT (to_regclass('goose_db_version') IS NOT NULL)::boolean;

-- What keeps the tables out of a database that has none of them yet.
-- name: FindSchemaObstacles :one
SELECT (to_regclass('goose_db_version') IS NULL)::boolean AS is_fresh,
       (current_schema() IS NULL)::boolean AS lacks_schema,
       (to_regnamespace('river') IS NOT NULL)::boolean AS river_is_taken,
       (NOT has_database_privilege(current_database(), 'CREATE'))::boolean AS lacks_create;

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

-- The rights that the role of this connection lacks on what the server uses: these tables, and the schema
-- river. It needs no right itself.
-- name: ListMissingRights :many
SELECT ('USAGE ON SCHEMA ' || n.nspname)::text AS missing
FROM pg_catalog.pg_namespace n
WHERE n.nspname IN ('public', 'river')
  AND EXISTS (SELECT 1 FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relname IN ('sessions', 'river_job'))
  AND NOT has_schema_privilege(n.oid, 'USAGE')
UNION ALL
SELECT (needed.privilege || ' ON ' || CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE '' END || n.nspname || '.' || c.relname)::text
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN LATERAL unnest(CASE
        WHEN c.relkind = 'S' THEN ARRAY['USAGE']
        WHEN c.relname IN ('goose_db_version', 'river_migration') THEN ARRAY['SELECT']
        ELSE ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE'] END) AS needed(privilege) ON true
WHERE (n.nspname = 'river' AND c.relkind IN ('r', 'S') AND c.relname <> 'river_migration_id_seq'
       OR n.nspname = current_schema() AND c.relkind = 'r' AND c.relname = ANY(@tables::text[]))
  AND NOT CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(c.oid, needed.privilege)
               ELSE has_table_privilege(c.oid, needed.privilege) END
ORDER BY 1;

-- The transaction writes nothing, and sees the database as it is now.
-- name: SetSnapshot :exec
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
