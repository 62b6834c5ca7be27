package account

import (
	"context"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/authenticator"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/session"
	"github.com/latchkey-auth/latchkey/internal/userid"
)

// Export is all stored data of a user, as one document without secrets
// (GDPR, articles 15 and 20). Times are seconds since the Unix epoch.
type Export map[string]any

// Export collects what is stored about the caller.
func (a *Account) Export(ctx context.Context, who caller.Caller) (Export, error) {
	var document Export
	user := who.Session.UserID
	err := a.DB.Tx(ctx, func(tx postgres.Tx) error {
		account, err := tx.FindUser(ctx, user)
		if err != nil {
			return err
		}

		addresses, err := tx.ListEmailAddresses(ctx, user)
		if err != nil {
			return err
		}

		sessions, err := tx.ListSessions(ctx, db.ListSessionsParams{UserID: user, Now: tx.Now})
		if err != nil {
			return err
		}

		tenants, err := tx.ListMemberships(ctx, user)
		if err != nil {
			return err
		}

		events, err := tx.ListAuditEventsOfUser(ctx, db.ListAuditEventsOfUserParams{UserID: user, BeforeID: audit.LastID(), Most: 10_000})
		if err != nil {
			return err
		}

		factors, err := a.Factors.List(ctx, tx.Queries, user)
		if err != nil {
			return err
		}

		services, err := tx.ListProviderAccounts(ctx, user)
		if err != nil {
			return err
		}

		changes, err := tx.ListKeptChanges(ctx, user)
		if err != nil {
			return err
		}

		document = Export{
			"changes":         each(changes, exportChange),
			"authenticators":  each(factors, exportFactor),
			"providers":       each(services, exportProvider),
			"user":            exportUser(account),
			"email_addresses": each(addresses, exportAddress),
			"sessions":        each(sessions, exportSession),
			"memberships":     each(tenants, exportMembership),
			"events":          each(events, exportEvent),
		}

		return a.note(ctx, tx, who, audit.AccountExported, "")
	})

	return document, err
}

func each[T any](list []T, to func(T) map[string]any) []map[string]any {
	shown := make([]map[string]any, 0, len(list))
	for _, one := range list {
		shown = append(shown, to(one))
	}

	return shown
}

func exportUser(u db.UserDetail) map[string]any {
	m := map[string]any{
		"id": userid.ID(u.Subject), "display": u.Display, "has_usable_password": u.HasUsablePassword, "created_at": session.Epoch(u.CreatedAt),
	}
	if u.Username != nil {
		m["username"] = *u.Username
	}

	if u.Phone != nil {
		m["phone"], m["phone_verified"] = *u.Phone, u.PhoneVerifiedAt != nil
	}

	return m
}

func exportAddress(e Address) map[string]any {
	return map[string]any{"email": e.Address, "verified": e.VerifiedAt != nil, "primary": e.IsPrimary}
}

func exportSession(l Listed) map[string]any {
	return map[string]any{
		"id": l.ListingID, "created_at": session.Epoch(l.CreatedAt), "last_seen_at": session.Epoch(l.LastSeenAt),
		"user_agent": l.UserAgent, "device_name": l.DeviceName, "ip": l.Address,
	}
}

func exportFactor(l authenticator.Listed) map[string]any {
	m := map[string]any{"type": l.Type, "created_at": session.Epoch(l.CreatedAt)}
	if l.Name != "" {
		m["id"], m["name"] = l.ID, l.Name
	}

	if l.LastUsedAt != nil {
		m["last_used_at"] = session.Epoch(*l.LastUsedAt)
	}

	return m
}

func exportProvider(p db.ProviderAccount) map[string]any {
	return map[string]any{
		"provider": p.Provider, "uid": p.Uid, "display": p.Display,
		"created_at": session.Epoch(p.CreatedAt), "last_used_at": session.Epoch(p.LastUsedAt),
	}
}

func exportMembership(m db.ListMembershipsRow) map[string]any {
	return map[string]any{"tenant_id": m.TenantID, "name": m.Name, "is_primary": m.IsPrimary, "created_at": session.Epoch(m.CreatedAt)}
}

// exportChange shows a change that can be undone, with what is kept for that.
func exportChange(c db.ListKeptChangesRow) map[string]any {
	return map[string]any{
		"change": c.Kind, "at": session.Epoch(c.ChangedAt), "platform": c.Platform, "network": c.Network, "before": c.Ways,
	}
}

func exportEvent(row db.ListAuditEventsOfUserRow) map[string]any {
	e := row.AuditEvent

	m := map[string]any{"event": e.Event, "result": e.Result, "actor": e.Actor, "at": session.Epoch(e.OccurredAt)}
	if e.Address != nil {
		m["ip"] = *e.Address
	}

	if e.UserAgent != nil {
		m["user_agent"] = *e.UserAgent
	}

	return m
}
