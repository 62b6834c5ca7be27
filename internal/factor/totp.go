package factor

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 6238's default, and the only hash that authenticator apps agree on
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// secretBytes: as long as the output of the hash, as RFC 4226, section 4, recommends.
const secretBytes = 20

var base32Text = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewTOTPSecret returns 160 random bits (SEC-52).
func NewTOTPSecret() []byte {
	secret := make([]byte, secretBytes)
	_, _ = rand.Read(secret) // never fails: crypto/rand ends the process instead
	return secret
}

// EncodeTOTPSecret writes a secret as people and apps read it: base32 without padding.
func EncodeTOTPSecret(secret []byte) string { return base32Text.EncodeToString(secret) }

// DecodeTOTPSecret reads what EncodeTOTPSecret wrote, and what allauth stores.
func DecodeTOTPSecret(text string) ([]byte, error) {
	secret, err := base32Text.DecodeString(strings.TrimRight(strings.ToUpper(Clean(text)), "="))
	if err != nil || len(secret) == 0 {
		return nil, errors.New("not a TOTP secret in base32") // the text is a secret: it stands in no message
	}

	return secret, nil
}

// TOTPURL is what an authenticator app scans. The defaults are left out: some apps refuse
// an address that names them.
func (f *Factors) TOTPURL(secret, account string) string {
	s := f.settings

	label, query := escape(account), "secret="+escape(secret)
	if issuer := cmp.Or(s.TOTPIssuer, s.RPName, s.RPID); issuer != "" {
		label, query = escape(issuer)+":"+label, query+"&issuer="+escape(issuer)
	}

	if s.TOTPDigits != 6 {
		query += "&digits=" + strconv.Itoa(s.TOTPDigits)
	}

	if s.TOTPPeriod != 30 {
		query += "&period=" + strconv.Itoa(s.TOTPPeriod)
	}

	return "otpauth://totp/" + label + "?" + query
}

// escape percent-encodes for path and query alike. Apps show a + as it is, so a blank
// becomes %20.
func escape(text string) string {
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}

// MatchTOTP reports whether code is right at this moment, and the step whose code it is.
//
// Security: it does not remember. The caller stores the step and takes it only where it
// is later than the one stored, or a code works twice (SEC-53).
//
// Timing: all steps are compared, and each as a whole (TestTOTP_everyAllowedStepIsCompared).
func (f *Factors) MatchTOTP(secret []byte, code string, now time.Time) (step int64, ok bool) {
	code = Clean(code)

	if len(secret) == 0 { // a HMAC takes an empty key
		return 0, false
	}

	current := now.Unix() / int64(f.settings.TOTPPeriod)

	tolerance := int64(f.settings.TOTPTolerance)
	for s := current + tolerance; s >= current-tolerance; s-- {
		right := subtle.ConstantTimeCompare([]byte(totp(secret, s, f.settings.TOTPDigits)), []byte(code)) == 1
		if right && !ok {
			step, ok = s, true
		}
	}

	return step, ok
}

// totp is the code of a step: RFC 6238, section 4, and RFC 4226, section 5.3.
func totp(secret []byte, step int64, digits int) string {
	mac := hmac.New(sha1.New, secret)
	_, _ = mac.Write(binary.BigEndian.AppendUint64(nil, uint64(step))) //nolint:gosec // a step before 1970 only has to be some number
	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 0x0f
	n := binary.BigEndian.Uint32(sum[offset:]) & 0x7fffffff

	modulus := uint32(1)
	for range digits {
		modulus *= 10
	}

	return fmt.Sprintf("%0*d", digits, n%modulus)
}
