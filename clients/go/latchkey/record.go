package latchkey

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// recordFormat opens every stored text. The number changes with the format.
const recordFormat = "latchkey1"

// record is what a store holds: the refresh token, the key that will spend it, and whose
// they are. The access token is never stored. A record without a refresh token says that
// nobody is signed in any more, and why.
type record struct {
	// Seq grows with every write; the higher of the two slots counts.
	Seq     uint64 `json:"seq"`
	Refresh string `json:"refresh,omitempty"`
	// Key is the idempotency key that every attempt to spend Refresh sends. It is made
	// when Refresh is stored, so that an attempt after a crash sends the same one. No two
	// tokens have the same, and a token that is received again keeps its key.
	Key     string `json:"key,omitempty"`
	Session string `json:"sid,omitempty"`
	User    string `json:"sub,omitempty"`
	Reason  string `json:"reason,omitempty"`
	// Trial says that the app has handed Refresh over, and the server has not taken it yet: the
	// session before stays until then, in the other slot.
	Trial bool `json:"trial,omitempty"`
	// Exchange says that Refresh is a session token, which is to be exchanged.
	Exchange bool `json:"exchange,omitempty"`
	// From is the fingerprint of the session token that the session was made of; "": it was not.
	From string `json:"from,omitempty"`
}

// encode writes format, checksum and JSON, so that a text of which only a part was
// written is told from a whole one.
func (r record) encode() []byte {
	body, _ := json.Marshal(r) // a struct of texts and a number
	return []byte(recordFormat + " " + checksum(body) + " " + string(body))
}

func checksum(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:8])
}

var errTorn = errors.New("latchkey: a stored text is damaged")

func decodeRecord(text []byte) (record, error) {
	var r record
	parts := strings.SplitN(string(text), " ", 3)
	if len(parts) != 3 || parts[0] != recordFormat || parts[1] != checksum([]byte(parts[2])) {
		return r, errTorn
	}
	if err := json.Unmarshal([]byte(parts[2]), &r); err != nil {
		return record{}, errTorn
	}
	return r, nil
}

// claims are the members of a token that a client may read. It trusts them as far as it
// trusts the connection that they came by.
type claims struct {
	Session string `json:"sid"`
	User    string `json:"sub"`
	ID      string `json:"jti"`
	// Generation grows with each refresh of a session.
	Generation int64 `json:"gen"`
	IssuedAt   int64 `json:"iat"`
	Expires    int64 `json:"exp"`
}

// claimsOf reads a token's payload; what cannot be read is zero.
func claimsOf(token string) claims {
	var c claims
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return c
	}
	if payload, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil {
		_ = json.Unmarshal(payload, &c) // zero members say it
	}
	return c
}

// newRecord is the record for a refresh token that has just been received.
func newRecord(seq uint64, refresh string) record {
	c := claimsOf(refresh)
	return record{Seq: seq, Refresh: refresh, Key: newKey(), Session: c.Session, User: c.User}
}

// after is the record that follows r when a refresh has brought a token. The server repeats a
// young token: then it is the same one by its jti, although not by its bytes, and an attempt to
// spend it that is still on its way has sent the key of r.
func (r record) after(seq uint64, refresh string) record {
	next := newRecord(seq, refresh)
	next.From = r.From
	id := claimsOf(refresh).ID
	if id != "" && id == claimsOf(r.Refresh).ID {
		next.Key = r.Key
	}
	return next
}

// sameSession reports whether two records are of one session, which keeps its id over all
// refreshes.
func (r record) sameSession(other record) bool {
	if r.From != "" && r.From == other.From {
		return true
	}
	if r.Session != "" || other.Session != "" {
		return r.Session == other.Session
	}

	return r.Key == other.Key
}

// fingerprint tells a session token by, and does not show it.
func fingerprint(sessionToken string) string {
	sum := sha256.Sum256([]byte(sessionToken))

	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

func newKey() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // it never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// access is an access token, and how long it lives from its receipt. What the wall clock of
// the server says plays no role.
type access struct {
	token    string
	received moment
	life     time.Duration // 0: unknown, until the server says 401
}

func newAccess(token string, now moment) access {
	c := claimsOf(token)

	return access{token: token, received: now, life: time.Duration(max(0, c.Expires-c.IssuedAt)) * time.Second}
}

// aheadOfExpiry is how long before its end a token is renewed.
func (a access) aheadOfExpiry() time.Duration { return min(30*time.Second, a.life/5) }

func (a access) expired(now moment) bool {
	return a.token == "" || a.life > 0 && now.since(a.received) >= a.life
}

func (a access) due(now moment) bool {
	return a.life > 0 && now.since(a.received) >= a.life-a.aheadOfExpiry()
}
