package session

import (
	"crypto/hmac"
	"encoding/base64"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/secret"
)

// KnownFor is how long after its last use a session still makes its device a known one.
const KnownFor = 90 * 24 * time.Hour

// devicePrefix is what device tokens begin with.
const devicePrefix = "lkdt_"

// Devices makes and reads device tokens. A device token says that a device has signed in
// with a certain session before. It signs nobody in: all it gives is a budget of its own for
// wrong passwords and for messages, so that strangers who use up the common one do not lock
// the user out.
type Devices struct{ key *secret.Key }

// NewDevices returns the device tokens that a key makes; all servers must have the same.
func NewDevices(key *secret.Key) *Devices { return &Devices{key} }

// Token is the device token of a session.
func (d *Devices) Token(session uuid.UUID) string {
	return devicePrefix + base64.RawURLEncoding.EncodeToString(append(session[:], d.mac(session)...))
}

// Session is the session of a device token. It reports false for anything that Token did not make.
func (d *Devices) Session(token string) (uuid.UUID, bool) {
	text, ours := strings.CutPrefix(token, devicePrefix)
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if !ours || err != nil || len(raw) != 32 || strings.ContainsAny(text, "\r\n") { // which the decoder skips
		return uuid.UUID{}, false
	}

	session := uuid.UUID(raw[:16])

	return session, hmac.Equal(raw[16:], d.mac(session))
}

// Resumed is the session token of a session that a pending one became by itself, made from the
// hash of the pending one's token. It is the same each time: of two answers that carry it, a
// client may store either one.
func (d *Devices) Resumed(session uuid.UUID, pending []byte) string {
	mac := d.key.MAC()
	_, _ = mac.Write([]byte("resumed session token"))
	_, _ = mac.Write(session[:])
	_, _ = mac.Write(pending)

	return secret.SessionTokenPrefix + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (d *Devices) mac(session uuid.UUID) []byte {
	mac := d.key.MAC()
	_, _ = mac.Write([]byte("device token"))
	_, _ = mac.Write(session[:])

	return mac.Sum(nil)[:16]
}
