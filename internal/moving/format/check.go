package format

import (
	"fmt"
	"regexp"
	"strings"
)

// Bounds of a line's lists and texts. They are far above what systems have, and keep a line from being an attack.
const (
	maxList     = 1000
	maxText     = 4096
	maxCodes    = 64
	sha256Bytes = 32
)

// checker collects the first thing that is wrong.
type checker struct{ wrong *LineError }

func (c *checker) that(good bool, member, problem string) {
	if !good && c.wrong == nil {
		c.wrong = &LineError{Member: member, Problem: problem}
	}
}

func (c *checker) text(value, member string) {
	c.that(value != "", member, "is missing")
	c.optional(value, member)
}

func (c *checker) optional(value, member string) {
	c.that(len(value) <= maxText, member, fmt.Sprintf("has more than %d bytes", maxText))
}

func (c *checker) id(id ID, member string) { c.that(id != "", member, "is missing") }

func (c *checker) time(t Time, member string) { c.that(!t.IsZero(), member, "is missing") }

func (c *checker) sha256(b Bytes, member string) {
	c.that(len(b) == sha256Bytes, member, "is not the 32 bytes of a SHA-256")
}

func (c *checker) list(length int, member string) {
	c.that(length <= maxList, member, fmt.Sprintf("has more than %d elements", maxList))
}

// check returns what is wrong with a line by the format alone.
func (l *Line) check() *LineError {
	c := &checker{}
	switch {
	case l.Head != nil:
		l.Head.check(c)
	case l.Tenant != nil:
		c.id(l.Tenant.ID, "id")
		c.text(l.Tenant.Name, "name")
	case l.User != nil:
		l.User.check(c)
	case l.Session != nil:
		l.Session.check(c)
	case l.Gone != nil:
		hasOne := (l.Gone.User == "") != (len(l.Gone.Session) == 0)
		c.that(hasOne, "", "has exactly one of user and session")
		c.that(len(l.Gone.Session) == 0 || len(l.Gone.Session) == sha256Bytes, "session", "is not the 32 bytes of a SHA-256")
	case l.End != nil:
		isDigest := len(l.End.Digest) == 2*sha256Bytes && strings.Trim(l.End.Digest, "0123456789abcdef") == ""
		c.that(isDigest, "digest", "is not 64 lower-case hexadecimal digits")
	}

	return c.wrong
}

func (h *Head) check(c *checker) {
	c.that(h.Format == Version, "format", fmt.Sprintf("is not %d, the only version that this program reads", Version))
	c.text(h.Source, "source")
	isKind := h.IDs == "int" || h.IDs == "uuid" || h.IDs == "text"
	c.that(isKind, "ids", "is none of int, uuid and text")
	if h.TOTP != nil {
		c.that(h.TOTP.Digits >= 6 && h.TOTP.Digits <= 8, "totp.digits", "is none of 6, 7 and 8")
		c.that(h.TOTP.Period > 0 && h.TOTP.Period <= 3600, "totp.period", "is not a number of seconds from 1 to 3600")
	}
}

func (u *User) check(c *checker) {
	c.id(u.ID, "id")
	c.optional(u.Display, "display")
	c.optional(u.Username, "username")
	c.optional(u.Password, "password")
	c.that(len(u.WebAuthnHandle) <= 64, "webauthn_handle", "has more than 64 bytes")
	c.list(len(u.Emails), "emails")
	c.list(len(u.WebAuthn), "webauthn")
	c.list(len(u.Providers), "providers")
	c.list(len(u.Tenants), "tenants")

	primaries := 0
	for i, e := range u.Emails {
		c.text(e.Address, fmt.Sprintf("emails[%d].address", i))
		if e.Primary {
			primaries++
		}
	}
	c.that(primaries <= 1, "emails", "has more than one primary address")
	if u.Phone != nil {
		c.text(u.Phone.Number, "phone.number")
	}
	if u.TOTP != nil {
		c.text(u.TOTP.Secret, "totp.secret")
	}
	u.RecoveryCodes.check(c)
	for i := range u.WebAuthn {
		u.WebAuthn[i].check(c, fmt.Sprintf("webauthn[%d].", i))
	}
	for i, p := range u.Providers {
		at := fmt.Sprintf("providers[%d].", i)
		c.text(p.Provider, at+"provider")
		c.text(p.UID, at+"uid")
		c.optional(p.Display, at+"display")
		c.optional(p.ClientID, at+"client_id")
		c.optional(p.RefreshToken, at+"refresh_token")
	}
	u.checkTenants(c)
}

func (u *User) checkTenants(c *checker) {
	primaries := 0
	for i, m := range u.Tenants {
		c.id(m.ID, fmt.Sprintf("tenants[%d].id", i))
		if m.Primary {
			primaries++
		}
	}
	c.that(primaries <= 1, "tenants", "has more than one primary tenant")
}

func (r *RecoveryCodes) check(c *checker) {
	if r == nil {
		return
	}

	c.that(len(r.Codes) > 0 && len(r.Codes) <= maxCodes, "recovery_codes.codes", fmt.Sprintf("is not a list of 1 to %d codes", maxCodes))
	for i, code := range r.Codes {
		c.that(code != "" && len(code) <= maxCodes, fmt.Sprintf("recovery_codes.codes[%d]", i), "is empty or too long")
	}
	for i, position := range r.Used {
		c.that(position >= 0 && position < len(r.Codes), fmt.Sprintf("recovery_codes.used[%d]", i), "is not a position in codes")
	}
}

var aaguidText = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

func (k *Credential) check(c *checker, at string) {
	const longestID = 1023
	c.optional(k.Name, at+"name")
	c.that(len(k.CredentialID) > 0 && len(k.CredentialID) <= longestID, at+"credential_id", "does not have 1 to 1023 bytes")
	c.that(len(k.PublicKey) > 0 && len(k.PublicKey) <= maxText, at+"public_key", "is missing or too long")
	c.that(k.SignCount >= 0 && k.SignCount < 1<<32, at+"sign_count", "is not a number of 32 bits")
	c.that(k.AAGUID == "" || aaguidText.MatchString(k.AAGUID), at+"aaguid", "is not a UUID in lower case with dashes")
	c.list(len(k.Transports), at+"transports")
	for i, transport := range k.Transports {
		c.text(transport, fmt.Sprintf("%stransports[%d]", at, i))
	}
	c.sha256(k.RPIDHash, at+"rp_id_hash")
}

func (s *Session) check(c *checker) {
	c.id(s.User, "user")
	c.sha256(s.TokenSHA256, "token_sha256")
	c.time(s.ExpiresAt, "expires_at")
	c.optional(s.UserAgent, "user_agent")
	c.optional(s.Address, "address")
	c.list(len(s.Methods), "methods")
	c.list(len(s.Refresh), "refresh")
	for i, m := range s.Methods {
		c.text(m.Method, fmt.Sprintf("methods[%d].method", i))
		c.that(m.At >= 0 && m.At < 1<<40, fmt.Sprintf("methods[%d].at", i), "is not a number of seconds since 1970")
	}
	for i, r := range s.Refresh {
		at := fmt.Sprintf("refresh[%d].", i)
		c.sha256(r.JTISHA256, at+"jti_sha256")
		c.time(r.ExpiresAt, at+"expires_at")
	}
}
