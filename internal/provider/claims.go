package provider

import (
	"encoding/json"
	"maps"
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
//
// A claim that is null is absent: OpenID Connect Core, section 5.3.2, tells providers to leave
// out what they do not know, and several write null for it. Its age is checked last, so that
// only a token that is good otherwise is called too old.
func (p *Provider) identity(data []byte, now time.Time) (Identity, error) {
	o, err := strictjson.Object(data, tokenLimits)
	if err != nil {
		return Identity{}, refuse(reasonClaims)
	}

	dropNulls(o)

	id := Identity{Provider: p.ID}
	for _, read := range []func(map[string]any, *Identity) error{
		p.readTimes, p.readAudience, p.readSubject, p.readIssuer, p.readNonce, p.readEmail,
	} {
		if err := read(o, &id); err != nil {
			return Identity{}, err
		}
	}

	if err := p.checkTimes(o, &id, now); err != nil {
		return Identity{}, err
	}

	id.GivenName, id.FamilyName, id.Name = name(o["given_name"]), name(o["family_name"]), name(o["name"])

	return id, nil
}

// dropNulls makes claims that are null absent.
func dropNulls(o map[string]any) {
	maps.DeleteFunc(o, func(_ string, value any) bool { return value == nil })
}

// dropNullsWithin is dropNulls for an object and all objects in it.
func dropNullsWithin(value any) {
	switch value := value.(type) {
	case map[string]any:
		dropNulls(value)

		for _, member := range value {
			dropNullsWithin(member)
		}
	case []any:
		for _, element := range value {
			dropNullsWithin(element)
		}
	}
}

// readTimes reads when the token was made and when it ends.
func (p *Provider) readTimes(o map[string]any, id *Identity) error {
	exp, ok1 := p.seconds(o["exp"])

	iat, ok2 := p.seconds(o["iat"])
	if !ok1 || !ok2 || iat >= exp {
		return refuse(reasonTimes)
	}

	id.IssuedAt, id.ExpiresAt = time.Unix(iat, 0).UTC(), time.Unix(exp, 0).UTC()

	return nil
}

// checkTimes compares the times of a token with now. Afterwards ExpiresAt is until when the
// token must be remembered once it was used: until it is refused anyway, by its own end or
// by its age.
func (p *Provider) checkTimes(o map[string]any, id *Identity, now time.Time) error {
	if id.IssuedAt.After(now.Add(clockSkew)) {
		return refuse(reasonFuture)
	}

	if value, present := o["nbf"]; present {
		nbf, ok := p.seconds(value)

		always := value == json.Number("0") || value == "0" && p.Kind == OpenIDConnect // as some providers write that there is no such time
		if !ok && !always || time.Unix(nbf, 0).After(now.Add(clockSkew)) {
			return refuse(reasonNotBefore)
		}
	}

	if !now.Before(id.ExpiresAt) {
		return &refusal{reason: reasonExpired, tooOld: true}
	}

	if id.IssuedAt.Before(now.Add(-maxOld)) {
		return &refusal{reason: reasonAge, tooOld: true}
	}

	// Security: a token that is looked at in its last moment is used some seconds later, and by
	// a server with another clock: it is remembered for longer than anybody takes it
	// (TestSEC71_aProviderTokenIsKnownForAsLongAsItIsTaken).
	if last := id.IssuedAt.Add(maxOld); id.ExpiresAt.After(last) {
		id.ExpiresAt = last
	}

	id.ExpiresAt = id.ExpiresAt.Add(clockSkew)

	return nil
}

// readIssuer compares the issuer, and Google's hosted domain. The sub of a provider with many
// tenants is one of a tenant.
func (p *Provider) readIssuer(o map[string]any, id *Identity) error {
	if p.template != nil {
		tenant, err := p.template.bind(o)
		if id.UID = tenant + "." + id.UID; err == nil && !isSubject(id.UID) {
			err = refuse(reasonSubject)
		}

		return err
	}

	issuer, _ := o["iss"].(string)
	if !slices.Contains(p.issuers, issuer) {
		return refuse(reasonIssuer)
	}

	if !p.hosts(o) {
		return refuse(reasonHostedDomain)
	}

	return nil
}

// readAudience reads the client id that the token was made for. A list of one is that one.
//
// Security: a token that several may use counts only for the one that asked for it (SEC-67,
// TestSEC67_providerTokenIsForTheAppThatBringsIt).
func (p *Provider) readAudience(o map[string]any, id *Identity) error {
	switch aud := o["aud"].(type) {
	case string:
		id.ClientID = aud
	case []any:
		azp, _ := o["azp"].(string)
		if _, authorized := o["azp"]; len(aud) == 1 && !authorized {
			azp, _ = aud[0].(string)
		}

		if slices.Contains(aud, any(azp)) {
			id.ClientID = azp
		}
	}

	if !slices.Contains(p.ClientIDs, id.ClientID) {
		return refuse(reasonAudience)
	}

	return nil
}

func (p *Provider) readSubject(o map[string]any, id *Identity) error {
	id.UID, _ = o["sub"].(string)
	if number, isNumber := o["sub"].(json.Number); isNumber && p.Kind == OpenIDConnect && digits.MatchString(number.String()) {
		id.UID = number.String() // OpenID Connect wants a text, and some databases have none
	}

	if !isSubject(id.UID) {
		return refuse(reasonSubject)
	}

	return nil
}

func (p *Provider) readNonce(o map[string]any, id *Identity) error {
	var ok bool
	if id.Nonce, id.HasNonce, ok = optional(o, "nonce"); !ok {
		return refuse(reasonNonce)
	}

	if p.RequireNonce && id.Nonce == "" {
		return refuse(reasonNoNonce)
	}

	return nil
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

func (p *Provider) readEmail(o map[string]any, id *Identity) error {
	var ok bool
	if id.Email, _, ok = optional(o, "email"); !ok || len(id.Email) > maxEmail {
		return refuse(reasonEmail)
	}

	if id.EmailVerified, ok = p.truth(o, "email_verified"); !ok {
		return refuse(reasonEmail)
	}

	// Nothing depends on it; what Apple never writes is refused all the same.
	if _, ok = p.truth(o, "is_private_email"); !ok {
		return refuse(reasonEmail)
	}

	id.EmailVerified = id.EmailVerified && id.Email != "" && p.template == nil
	id.Authoritative = id.EmailVerified && p.knows(o, id.Email)

	return nil
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

// truth reads a boolean, false where it is absent.
//
// Security: true and "true" are a yes, and nothing else that looks like one (SEC-68). Of an
// OpenID Connect provider every other value is a no: 1, "True", "". Apple and Google are the
// authority for addresses, and their documents say which values there are (Google's has no
// strings): a token of theirs with another value was not made by the service that we know, and
// is refused whole (TestSEC68_applesBooleans).
func (p *Provider) truth(o map[string]any, name string) (value, ok bool) {
	value, isBool := o[name].(bool)
	text, isText := o[name].(string)

	_, present := o[name]
	switch p.Kind {
	case Google:
		return value, isBool || !present
	case Apple:
		return value || text == "true", isBool || text == "true" || text == "false" || !present
	}

	return value || isText && text == "true", true
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
