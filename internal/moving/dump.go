package moving

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/factor"
	"github.com/latchkey-auth/latchkey/internal/moving/format"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/provider"
	"github.com/latchkey-auth/latchkey/internal/session"
)

// stored is a user as the database has it.
type stored struct {
	format.User
	// spent is that of the authenticator app: the step of the last code that was accepted.
	spent int64
}

// dump makes lines of users. They are in the form that reading.record brings lines to.
func (m *Mover) dump(ctx context.Context, tx postgres.Tx, rows []db.ListUsersToCompareRow) (map[int64]*stored, error) {
	users := make(map[int64]*stored, len(rows))
	ids := make([]int64, 0, len(rows))
	for _, row := range rows {
		users[row.ID] = &stored{User: userLine(row)}
		ids = append(ids, row.ID)
	}

	emails, err := tx.ListEmailsToExport(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, e := range emails {
		u := users[e.UserID]
		u.Emails = append(u.Emails, format.Email{Address: e.Address, Verified: e.VerifiedAt != nil, Primary: e.IsPrimary})
	}
	memberships, err := tx.ListMembershipsToExport(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, t := range memberships {
		u := users[t.UserID]
		u.Tenants = append(u.Tenants, format.Membership{ID: format.ID(t.TenantID.String()), Primary: t.IsPrimary})
	}
	if err := m.dumpProviders(ctx, tx, users, ids); err != nil {
		return nil, err
	}
	if err := m.dumpAuthenticators(ctx, tx, users, ids); err != nil {
		return nil, err
	}
	for _, u := range users {
		sortLists(&u.User)
	}

	return users, nil
}

// sortLists puts the lists of a user into the order in which they are compared.
func sortLists(u *format.User) {
	slices.SortFunc(u.Emails, func(a, b format.Email) int { return strings.Compare(a.Address, b.Address) })
	slices.SortFunc(u.Tenants, func(a, b format.Membership) int { return strings.Compare(string(a.ID), string(b.ID)) })
	slices.SortFunc(u.Providers, func(a, b format.ProviderAccount) int {
		return cmp.Or(strings.Compare(a.Provider, b.Provider), strings.Compare(a.UID, b.UID))
	})
	slices.SortFunc(u.WebAuthn, func(a, b format.Credential) int { return bytes.Compare(a.CredentialID, b.CredentialID) })
}

func userLine(row db.ListUsersToCompareRow) format.User {
	u := format.User{
		ID: format.ID(row.Subject), Display: row.Display, CreatedAt: format.At(row.CreatedAt), Disabled: row.DisabledAt != nil,
		PasswordHook: row.PasswordHook, WebAuthnHandle: row.WebauthnHandle,
	}
	if row.Username != nil {
		u.Username = *row.Username
	}
	if row.PasswordHash != nil {
		u.Password = *row.PasswordHash
	}
	if row.Phone != nil {
		u.Phone = &format.Phone{Number: *row.Phone, Verified: row.PhoneVerifiedAt != nil}
	}

	return u
}

func (m *Mover) dumpProviders(ctx context.Context, tx postgres.Tx, users map[int64]*stored, ids []int64) error {
	rows, err := tx.ListProvidersToExport(ctx, ids)
	if err != nil {
		return err
	}

	for _, row := range rows {
		token, err := provider.GrantOf(row).Open(m.Keys)
		if err != nil {
			return err
		}
		u := users[row.UserID]
		u.Providers = append(u.Providers, format.ProviderAccount{
			Provider: row.Provider, UID: row.Uid, Display: row.Display, ClientID: row.ClientID, RefreshToken: string(token),
			CreatedAt: format.At(row.CreatedAt), LastUsedAt: format.At(row.LastUsedAt),
		})
	}

	return nil
}

func (m *Mover) dumpAuthenticators(ctx context.Context, tx postgres.Tx, users map[int64]*stored, ids []int64) error {
	rows, err := tx.ListAuthenticatorsToExport(ctx, ids)
	if err != nil {
		return err
	}

	for _, row := range rows {
		a, u := row.Authenticator, users[row.Authenticator.UserID]
		id := format.ID(strconv.FormatInt(a.ID, 10))
		made, used := format.At(a.CreatedAt), timeOf(a.LastUsedAt)
		switch a.Type {
		case factor.TOTP:
			secret, err := m.factors.Secret(a)
			if err != nil {
				return err
			}
			u.TOTP, u.spent = &format.TOTPAuthenticator{ID: id, Secret: factor.EncodeTOTPSecret(secret), CreatedAt: made, LastUsedAt: used}, a.Spent
		case factor.RecoveryCodes:
			codes, err := m.factors.Codes(a)
			if err != nil {
				return err
			}
			u.RecoveryCodes = &format.RecoveryCodes{
				ID: id, Codes: codes, Used: positions(a.Spent), ViewedAt: timeOf(a.ViewedAt), CreatedAt: made, LastUsedAt: used,
			}
		case factor.WebAuthn:
			aaguid, err := uuid.FromBytes(row.Aaguid)
			if err != nil {
				return err
			}
			u.WebAuthn = append(u.WebAuthn, format.Credential{
				ID: id, Name: a.Name, CredentialID: row.CredentialID, PublicKey: row.PublicKey, SignCount: row.SignCount, AAGUID: aaguid.String(),
				Transports: row.Transports, BackupEligible: row.BackupEligible, BackupState: row.BackupState, Passwordless: row.Passwordless,
				RPIDHash: m.rpHash[:], CreatedAt: made, LastUsedAt: used,
			})
		}
	}

	return nil
}

func timeOf(t *time.Time) format.Time {
	if t == nil {
		return format.Time{}
	}

	return format.At(*t)
}

// positions are those of the bits that are set.
func positions(bits int64) []int {
	var list []int
	for i := range 64 {
		if uint64(bits)&(1<<i) != 0 { //nolint:gosec // G115: a bit a code
			list = append(list, i)
		}
	}

	return list
}

// sessionLine makes a line of a session. Where it has no refresh token of the source it ends when its session
// token does.
func sessionLine(row db.ListSessionsByTokenRow, tokens []db.ListRefreshTokensToExportRow) format.Session {
	end := row.ExpiresAt
	if row.TokenExpiresAt.Before(end) {
		end = row.TokenExpiresAt
	}
	s := format.Session{
		User: format.ID(row.Subject), TokenSHA256: row.TokenHash, CreatedAt: format.At(row.CreatedAt), LastSeenAt: format.At(row.LastSeenAt),
		ExpiresAt: format.At(end), UserAgent: row.UserAgent, Methods: methodLines(row.Methods),
	}
	if row.Address != nil {
		s.Address = *row.Address
	}
	for _, t := range tokens {
		s.Refresh = append(s.Refresh, format.Refresh{JTISHA256: t.JTIHash, ExpiresAt: format.At(t.ExpiresAt)})
	}
	sortTokens(&s)

	return s
}

func sortTokens(s *format.Session) {
	slices.SortFunc(s.Refresh, func(a, b format.Refresh) int { return bytes.Compare(a.JTISHA256, b.JTISHA256) })
}

// methodLines are the proofs of a session. What cannot be read proves nothing.
func methodLines(stored json.RawMessage) []format.Method {
	var methods []session.Method
	if json.Unmarshal(stored, &methods) != nil {
		return nil
	}

	var lines []format.Method
	for _, m := range methods {
		line := format.Method{
			Method: m.Method, At: int64(m.At), Email: m.Email, Username: m.Username, Phone: m.Phone, Reauthenticated: m.Reauthenticated,
			Type: m.Type, Passwordless: m.Passwordless, Provider: m.Provider, UID: m.UID,
		}
		if m.ID > 0 {
			line.ID = format.ID(strconv.FormatInt(m.ID, 10))
		}
		lines = append(lines, line)
	}

	return lines
}

// refreshTokens are those of some sessions that the source handed out.
func refreshTokens(ctx context.Context, tx postgres.Tx, sessions []uuid.UUID, now time.Time) (map[uuid.UUID][]db.ListRefreshTokensToExportRow, error) {
	rows, err := tx.ListRefreshTokensToExport(ctx, db.ListRefreshTokensToExportParams{SessionIds: sessions, Now: now})
	found := map[uuid.UUID][]db.ListRefreshTokensToExportRow{}
	for _, r := range rows {
		found[r.SessionID] = append(found[r.SessionID], r)
	}

	return found, err
}
