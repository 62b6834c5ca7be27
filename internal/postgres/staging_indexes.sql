-- Indexes of the temporary tables of staging.sql, made once their rows are there.
CREATE INDEX ON import_users (line);
CREATE INDEX ON import_users (id);
CREATE INDEX ON import_users (subject);
CREATE INDEX ON import_users (username_key) WHERE username_key IS NOT NULL;
CREATE INDEX ON import_emails (line);
CREATE INDEX ON import_emails (address);
CREATE INDEX ON import_authenticators (line);
CREATE INDEX ON import_credentials (line);
CREATE INDEX ON import_credentials (credential_id);
CREATE INDEX ON import_providers (line);
CREATE INDEX ON import_memberships (line);
CREATE INDEX ON import_sessions (line);
CREATE INDEX ON import_sessions (token_hash);
CREATE INDEX ON import_sessions (subject);
CREATE INDEX ON import_refresh_tokens (line);
CREATE INDEX ON import_refresh_tokens (jti_hash);
CREATE INDEX ON import_gone (subject);
ANALYZE import_users, import_emails, import_authenticators, import_credentials, import_providers, import_memberships, import_tenants, import_sessions, import_refresh_tokens, import_gone;
