package moving

import (
	"cmp"
	"encoding/json"
	"net/netip"
	"time"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/moving/format"
	"github.com/latchkey-auth/latchkey/internal/secret"
	"github.com/latchkey-auth/latchkey/internal/session"
	"github.com/latchkey-auth/latchkey/internal/userid"
)

// readSession brings a session to the form in which it is stored. It reports false for one that has ended at
// the source.
//
// With a refresh token it lives as long as a session that was opened now: counted from its begin, phones that
// have been signed in for long would be signed out at once. Without one it ends when the source ends it.
func (r *reading) readSession(line format.Line, listingID int64) (db.StageSessionsParams, []db.StageRefreshTokensParams, bool) {
	s := line.Session
	seen := cmp.Or(s.LastSeenAt.Time, s.CreatedAt.Time, r.head.ExportedAt.Time, r.now)
	row := db.StageSessionsParams{
		Line: int64(line.Number), ID: secret.Bits128(), ListingID: listingID, TokenHash: s.TokenSHA256, Subject: string(s.User),
		LastSeenAt: seen, ExpiresAt: s.ExpiresAt.Truncate(time.Second), Methods: methodsOf(s.Methods),
	}
	address, _ := netip.ParseAddr(s.Address)
	stored := session.Device{UserAgent: s.UserAgent, Address: address}.Stored()
	row.UserAgent, row.Address = stored.UserAgent, stored.Address

	var tokens []db.StageRefreshTokensParams
	for _, t := range s.Refresh {
		if !t.ExpiresAt.After(r.now) {
			continue
		}
		tokens = append(tokens, db.StageRefreshTokensParams{
			Line: row.Line, TokenHash: row.TokenHash, JTIHash: t.JTISHA256, ExpiresAt: t.ExpiresAt.Truncate(time.Second),
		})
		if end := t.ExpiresAt.Truncate(time.Second); end.After(row.RefreshExpiresAt) {
			row.RefreshExpiresAt = end
		}
	}

	idle := r.now.Add(time.Duration(r.Session.SessionIdle) * time.Second)
	if len(tokens) > 0 {
		row.ExpiresAt = r.now.Add(time.Duration(r.Session.MaxAge) * time.Second).Truncate(time.Second)
	} else {
		row.RefreshExpiresAt = row.ExpiresAt
	}
	if row.ExpiresAt.Before(row.RefreshExpiresAt) {
		row.ExpiresAt = row.RefreshExpiresAt
	}
	row.TokenExpiresAt = idle
	if idle.After(row.ExpiresAt) {
		row.TokenExpiresAt = row.ExpiresAt
	}

	return row, tokens, row.ExpiresAt.After(r.now)
}

// methodsOf are the proofs of a session as they are stored. An authenticator is named by its id here, which is
// that of the source where that is an integer.
func methodsOf(list []format.Method) json.RawMessage {
	methods := make([]session.Method, 0, len(list))
	for _, m := range list {
		id, _ := authenticatorID(m.ID)
		methods = append(methods, session.Method{
			Method: m.Method, At: float64(m.At), Email: m.Email, Username: m.Username, Phone: m.Phone, Reauthenticated: m.Reauthenticated,
			ID: id, Type: m.Type, Passwordless: m.Passwordless, Provider: m.Provider, UID: m.UID,
		})
	}
	text, _ := json.Marshal(methods) // of texts and numbers: always

	return text
}

// authenticatorID reads the id that an authenticator has at the source. It reports false where it cannot be
// one here.
func authenticatorID(id format.ID) (int64, bool) {
	const most = 1<<52 - 1
	key, isInt := userid.ID(id).Key()
	isGood := isInt && key <= most
	if !isGood {
		return 0, false
	}

	return key, true
}
