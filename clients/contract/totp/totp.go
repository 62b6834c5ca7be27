// Package totp is an authenticator app, for what plays a person: the contract suite, the
// conformance kit and the tests of the clients. It knows nothing of the server's own code,
// so that one is held against the other.
package totp

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // what authenticator apps compute
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"
)

// App holds one account (RFC 6238, with HMAC-SHA-1 as apps do).
type App struct {
	secret []byte
	period int64 // seconds
	digits int
}

// New reads what the QR code would say.
func New(address string) (App, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "otpauth" || u.Host != "totp" {
		return App{}, errors.New("no otpauth://totp/ URL")
	}
	q := u.Query()
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(q.Get("secret"))
	if err != nil || len(secret) == 0 {
		return App{}, errors.New("its secret is no base32")
	}
	a := App{secret: secret, period: 30, digits: 6}
	if n, err := strconv.Atoi(q.Get("period")); err == nil && n > 0 {
		a.period = int64(n)
	}
	if n, err := strconv.Atoi(q.Get("digits")); err == nil && n > 0 && n <= 9 {
		a.digits = n
	}
	return a, nil
}

// Code is what the app shows. The counter is that of RFC 6238, section 4.2; the rest is
// RFC 4226, section 5.3.
func (a App) Code(now time.Time) string {
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(now.Unix()/a.period)) //nolint:gosec // after 1970
	mac := hmac.New(sha1.New, a.secret)
	mac.Write(counter[:])
	sum := mac.Sum(nil)
	n := binary.BigEndian.Uint32(sum[sum[len(sum)-1]&0xf:]) & 0x7fffffff
	most := uint32(1)
	for range a.digits {
		most *= 10
	}
	return fmt.Sprintf("%0*d", a.digits, n%most)
}
