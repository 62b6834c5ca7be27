package moving

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/latchkey-auth/latchkey/internal/factor"
	"github.com/latchkey-auth/latchkey/internal/moving/format"
)

// readCodes reads what shows codes: the authenticator app and the recovery codes.
func (r *reading) readCodes(p *record) {
	if p.TOTP != nil {
		r.readTOTP(p)
	}
	if c := p.RecoveryCodes; c != nil {
		read := *c
		read.CreatedAt = cmp.Or(c.CreatedAt, p.CreatedAt)
		read.Used = slices.Compact(slices.Sorted(slices.Values(c.Used)))
		p.RecoveryCodes = &read
		r.count("recovery_codes", 1)
	}
}

func (r *reading) readTOTP(p *record) {
	read := *p.TOTP
	p.TOTP = nil

	s := r.head.TOTP
	if s == nil || s.Digits != r.Factor.TOTPDigits || s.Period != r.Factor.TOTPPeriod {
		p.note(TOTPSettings, "totp", fmt.Sprintf("the head must say the digits (%d) and the period (%d) of MFA_TOTP_DIGITS and MFA_TOTP_PERIOD",
			r.Factor.TOTPDigits, r.Factor.TOTPPeriod))
		return
	}
	secret, err := factor.DecodeTOTPSecret(read.Secret)
	if err != nil {
		p.note(TOTPInvalid, "totp.secret", "is not base32")
		return
	}

	read.Secret = factor.EncodeTOTPSecret(secret)
	read.CreatedAt = cmp.Or(read.CreatedAt, p.CreatedAt)
	p.TOTP = &read
	r.count("totp", 1)
}

// spentStep is the step of the last code that was accepted at the source. The source kept no more than a time.
func (m *Mover) spentStep(t *format.TOTPAuthenticator) int64 {
	if t.LastUsedAt.IsZero() {
		return 0
	}

	return t.LastUsedAt.Unix() / int64(m.Factor.TOTPPeriod)
}

// usedBits has a bit for each recovery code that was used.
func usedBits(used []int) int64 {
	var bits uint64
	for _, position := range used {
		bits |= 1 << position
	}

	return int64(bits)
}

func (r *reading) readPasskeys(p *record) {
	var kept []format.Credential
	for i, c := range p.WebAuthn {
		member := fmt.Sprintf("webauthn[%d]", i)
		algorithm, usable := factor.KeyAlgorithm(c.PublicKey)
		isOurs := bytes.Equal(c.RPIDHash, r.rpHash[:]) && r.Factor.RPID != ""
		switch {
		case !isOurs:
			r.report.countLost(r.domainOf(c.RPIDHash), algorithm)
			p.note(PasskeyOfAnotherRP, member+".rp_id_hash", "is of the domain "+r.domainOf(c.RPIDHash)+", and not of LATCHKEY_WEBAUTHN_RP_ID")
			continue
		case !usable:
			r.report.countLost(r.Factor.RPID, algorithm)
			p.note(PasskeyAlgorithm, member+".public_key", fmt.Sprintf("cannot be used here: its algorithm is %d", algorithm))
			continue
		}

		c.Name = cut(c.Name, longestName)
		c.AAGUID = cmp.Or(c.AAGUID, "00000000-0000-0000-0000-000000000000")
		c.CreatedAt = cmp.Or(c.CreatedAt, p.CreatedAt)
		kept = append(kept, c)
	}
	slices.SortFunc(kept, func(a, b format.Credential) int { return bytes.Compare(a.CredentialID, b.CredentialID) })
	p.WebAuthn = kept
	r.count("passkeys", len(kept))
}

// domainOf finds out which domain a hash is of: one of those that services have beside theirs. Otherwise it
// returns the hash.
func (m *Mover) domainOf(hash []byte) string {
	base := m.Factor.RPID
	for range 8 { // labels
		for _, label := range []string{"", "api.", "auth.", "app.", "www.", "accounts.", "account.", "login.", "id.", "sso."} {
			sum := sha256.Sum256([]byte(label + base))
			if base != "" && bytes.Equal(sum[:], hash) {
				return label + base
			}
		}
		_, parent, found := strings.Cut(base, ".")
		if !found {
			break
		}
		base = parent
	}
	if sum := sha256.Sum256([]byte("localhost")); bytes.Equal(sum[:], hash) {
		return "localhost"
	}

	return "sha256:" + base64.RawURLEncoding.EncodeToString(hash)
}
