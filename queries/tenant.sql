-- name: InsertTenant :exec
INSERT INTO tenants (id, name, created_at) VALUES (@id, @name, @now);

-- name: CountTenants :one
SELECT count(*) FROM tenants WHERE id = @id;

-- name: UpdatePrimaryMembership :exec
UPDATE memberships SET is_primary = false WHERE user_id = @user_id AND is_primary;

-- Adds a member, or makes this the member's primary tenant; never the other way round.
-- name: InsertMembership :exec
INSERT INTO memberships (tenant_id, user_id, is_primary, created_at)
VALUES (@tenant_id, @user_id, @is_primary, @now)
ON CONFLICT (user_id, tenant_id) DO UPDATE SET is_primary = memberships.is_primary OR excluded.is_primary;

-- name: CountMemberships :one
SELECT count(*) FROM memberships WHERE user_id = @user_id;

-- name: ListMemberships :many
SELECT m.tenant_id, t.name, m.is_primary, m.created_at
  FROM memberships m JOIN tenants t ON t.id = m.tenant_id
 WHERE m.user_id = @user_id ORDER BY m.created_at, m.tenant_id;

-- name: DeleteMembership :execrows
DELETE FROM memberships WHERE tenant_id = @tenant_id AND user_id = @user_id;
