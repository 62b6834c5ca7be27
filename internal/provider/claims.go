package provider

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/latchkey-auth/latchkey/internal/strictjson"
)

const (
	clockSkew = 60 * time.Second // by which the provider's clock may be ahead of ours
	maxOld    = 10 * time.Minute // since the provider made the token
	maxName   = 150              // characters, as Django has them
	maxEmail  = 320              // bytes
)

// identity checks the claims of a token whose signature is right (SEC-67 to SEC-69).
func (p *Provider) identity(data []byte, now time.Time) (Identity, bool) {
	o, err := strictjson.Object(data, tokenLimits)
	if err != nil {
		return Identity{}, false
	}
	id := Identity{Provider: p.ID}
	var ok bool
	if id.ExpiresAt, ok = inTime(o, now); !ok {
		return Identity{}, false
	}
	issued, _ := integer(o["iat"])
	id.IssuedAt = time.Unix(issued, 0).UTC()

	issuer, _ := o["iss"].(string)
	if !slices.Contains(p.issuers, issuer) || !p.hosts(o) {
		return Identity{}, false
	}
	if id.ClientID, ok = p.audience(o); !ok {
		return Identity{}, false
	}
	if id.UID, ok = o["sub"].(string); !ok || !isSubject(id.UID) {
		return Identity{}, false
	}
	if id.Nonce, id.HasNonce, ok = optional(o, "nonce"); !ok || p.RequireNonce && id.Nonce == "" {
		return Identity{}, false
	}
	if !p.readEmail(o, &id) {
		return Identity{}, false
	}
	id.GivenName, id.FamilyName, id.Name = name(o["given_name"]), name(o["family_name"]), name(o["name"])
	return id, true
}

// inTime returns until when the token must be remembered once it was used: until it is
// refused anyway, by its own end or by its age.
func inTime(o map[string]any, now time.Time) (time.Time, bool) {
	exp, ok1 := integer(o["exp"])
	iat, ok2 := integer(o["iat"])
	if !ok1 || !ok2 || iat >= exp {
		return time.Time{}, false
	}
	expires, issued := time.Unix(exp, 0).UTC(), time.Unix(iat, 0).UTC()
	if !now.Before(expires) || issued.After(now.Add(clockSkew)) || issued.Before(now.Add(-maxOld)) {
		return time.Time{}, false
	}
	if value, present := o["nbf"]; present {
		nbf, ok := integer(value)
		if !ok || time.Unix(nbf, 0).After(now.Add(clockSkew)) {
			return time.Time{}, false
		}
	}
	// Security: a token that is looked at in its last moment is used some seconds later, and by
	// a server with another clock: it is remembered for longer than anybody takes it
	// (TestSEC71_aProviderTokenIsKnownForAsLongAsItIsTaken).
	if last := issued.Add(maxOld); expires.After(last) {
		expires = last
	}
	return expires.Add(clockSkew), true
}

// audience returns the client id that the token was made for. Security: a token that
// several may use counts only for the one that asked for it (SEC-67).
func (p *Provider) audience(o map[string]any) (string, bool) {
	switch aud := o["aud"].(type) {
	case string:
		return aud, slices.Contains(p.ClientIDs, aud)
	case []any:
		azp, _ := o["azp"].(string)
		return azp, slices.Contains(aud, any(azp)) && slices.Contains(p.ClientIDs, azp)
	}
	return "", false
}

// hosts: Google's hd only ever restricts (SEC-69).
func (p *Provider) hosts(o map[string]any) bool {
	domain, _ := o["hd"].(string)
	return len(p.hostedDomains) == 0 || slices.Contains(p.hostedDomains, strings.ToLower(domain))
}

// isSubject: 1 to 255 printable ASCII characters (OpenID Connect Core, section 2).
func isSubject(sub string) bool {
	odd := strings.ContainsFunc(sub, func(r rune) bool { return r < 0x20 || r > 0x7e })
	return len(sub) >= 1 && len(sub) <= 255 && !odd
}

func (p *Provider) readEmail(o map[string]any, id *Identity) bool {
	var ok1, ok2, ok3 bool
	id.Email, _, ok1 = optional(o, "email")
	id.EmailVerified, ok2 = p.truth(o, "email_verified")
	_, ok3 = p.truth(o, "is_private_email") // nobody asks for it; what Apple never writes is refused all the same
	if !ok1 || !ok2 || !ok3 || len(id.Email) > maxEmail {
		return false
	}
	id.EmailVerified = id.EmailVerified && id.Email != ""
	id.Authoritative = id.EmailVerified && p.knows(o, id.Email)
	return true
}

// ownDomains are the domains whose mailboxes the provider itself runs.
var ownDomains = map[string][]string{
	Apple:  {"icloud.com", "me.com", "mac.com", "privaterelay.appleid.com"},
	Google: {"gmail.com", "googlemail.com"},
}

// knows reports whether the provider is the one to say whose the address is. Security:
// Apple and Google verify an address of another domain once and never again, so that a
// user who has lost it would still get into the account of its new owner (SEC-72;
// TestSEC72_authority).
func (p *Provider) knows(o map[string]any, email string) bool {
	if p.Kind != Apple && p.Kind != Google {
		return p.VerifiedEmail
	}
	_, domain, _ := strings.Cut(strings.ToLower(email), "@")
	if slices.Contains(ownDomains[p.Kind], domain) {
		return true
	}

	workspace, _ := o["hd"].(string)
	return p.Kind == Google && workspace != ""
}

// truth reads a boolean, false where it is absent. Security: Apple and some others write
// "true"; nothing else that looks like a yes is one (SEC-68).
func (p *Provider) truth(o map[string]any, name string) (value, ok bool) {
	switch v := o[name].(type) {
	case bool:
		return v, true
	case string:
		return v == "true", p.Kind != Google && (v == "true" || v == "false")
	}
	_, present := o[name]
	return false, !present
}

// optional reads a string that may be absent.
func optional(o map[string]any, name string) (text string, present, ok bool) {
	value, present := o[name]
	text, isText := value.(string)
	return text, present, isText || !present
}

// name reads what a person is called, for showing.
func name(value any) string {
	text, _ := value.(string)
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, text))
	if runes := []rune(text); len(runes) > maxName {
		text = string(runes[:maxName])
	}
	return text
}
