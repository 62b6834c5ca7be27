package provider

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/latchkey-auth/latchkey/internal/loopback"
	"github.com/latchkey-auth/latchkey/internal/strictjson"
)

// A set of providers with keys and certificates.
var providersLimits = strictjson.Limits{Depth: 8, Members: 4096, Text: 16 << 10, KeepNumbers: true}

var (
	providerID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	clientText = regexp.MustCompile(`^[\x21-\x2b\x2d-\x7e]{1,255}$`) // no blank, no comma
)

// The names that are read, and those of allauth's that only mean something in a browser.
var (
	providerNames = []string{
		"APP", "APPS", "EMAIL_AUTHENTICATION", "EMAIL_AUTHENTICATION_AUTO_CONNECT", "VERIFIED_EMAIL",
		"SCOPE", "AUTH_PARAMS", "OAUTH_PKCE_ENABLED", "FETCH_USERINFO", "FETCH_USER_INFO",
	}
	appNames = []string{
		"client_id", "secret", "key", "name", "provider_id", "settings", "certificate_key",
		"EMAIL_AUTHENTICATION", "EMAIL_AUTHENTICATION_AUTO_CONNECT", "VERIFIED_EMAIL", "provider", "sites",
	}
	settingNames = []string{
		"hidden", "certificate_key", "server_url", "require_nonce", "jwks_url", "issuer", "token_url", "revoke_url", "hosted_domain",
		"uid_field", "email_authentication", "email_authentication_auto_connect", "verified_email", "EMAIL_AUTHENTICATION", "EMAIL_AUTHENTICATION_AUTO_CONNECT", "VERIFIED_EMAIL",
		"tenants", "token_auth_method", "auth_params", "scope", "oauth_pkce_enabled", "fetch_userinfo",
	}
)

// Parse reads SOCIALACCOUNT_PROVIDERS and reports all of its mistakes together.
//
// Security: a message names the place of a mistake and never repeats what stands there
// (TestParse_neverRepeatsASecret).
func Parse(text string) ([]*Provider, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}

	all, err := strictjson.Object([]byte(text), providersLimits)
	if err != nil {
		return nil, unreadable(text)
	}

	dropNullsWithin(all) // Python's None is null

	r := &reading{}
	for _, kind := range memberNames(text) {
		if _, present := all[kind]; !present {
			continue
		}

		if kind != Google && kind != Apple && kind != OpenIDConnect {
			r.wrong(place(kind), "is no provider whose tokens can be checked: want apple, google or openid_connect")
			continue
		}

		if provider := r.object(all, kind, kind); provider != nil {
			r.provider(kind, provider)
		}
	}

	r.compare()

	if len(r.mistakes) > 0 {
		return nil, errors.Join(r.mistakes...)
	}

	return r.found, nil
}

// memberNames are the names of a JSON object in the order in which they are written: clients show
// providers in that order.
func memberNames(text string) []string {
	decoder := json.NewDecoder(strings.NewReader(text))
	var names []string

	_, err := decoder.Token() // the brace
	for err == nil && decoder.More() {
		var name json.Token
		if name, err = decoder.Token(); err != nil {
			break
		}

		names = append(names, fmt.Sprint(name))
		var value json.RawMessage
		err = decoder.Decode(&value)
	}

	return names
}

func unreadable(text string) error {
	var syntax *json.SyntaxError

	var any map[string]any
	if err := json.Unmarshal([]byte(text), &any); errors.As(err, &syntax) {
		return fmt.Errorf("is no JSON at byte %d", syntax.Offset)
	}

	return errors.New(`want a JSON object in which no name stands twice, such as {"google": {"APPS": [{"client_id": "…"}]}}`)
}

// place is the name of an unknown member. A long one may be a secret in a wrong place.
func place(name string) string {
	if len(name) > 40 || !providerID.MatchString(name) {
		return "a member"
	}

	return name
}

// reading is one Parse under way.
type reading struct {
	found    []*Provider
	mistakes []error
}

func (r *reading) wrong(place, what string) {
	r.mistakes = append(r.mistakes, fmt.Errorf("%s: %s", place, what))
}

func (r *reading) provider(kind string, o map[string]any) {
	r.unknown(kind, o, providerNames)

	var apps []any
	if app, present := o["APP"]; present {
		apps = append(apps, app)
	}

	if list, present := o["APPS"]; present {
		many, ok := list.([]any)
		if !ok {
			r.wrong(kind+".APPS", "want a list of objects")
		}

		apps = append(apps, many...)
	}

	for n, app := range apps {
		where := fmt.Sprintf("%s.APPS[%d]", kind, n)

		member, ok := app.(map[string]any)
		if !ok {
			r.wrong(where, "want an object")
			continue
		}

		r.unknown(where, member, appNames)

		settings := map[string]any{}
		if _, present := member["settings"]; present {
			settings = r.object(member, "settings", where+".settings")
		}

		r.unknown(where+".settings", settings, settingNames)
		r.app(entry{kind: kind, where: where, provider: o, app: member, settings: settings})
	}
}

// entry is one app as it was written.
type entry struct {
	kind, where             string
	provider, app, settings map[string]any
}

func (r *reading) app(e entry) {
	p := &Provider{ID: e.kind, Kind: e.kind}

	p.Name = r.text(e.app, "name", e.where)
	for _, id := range strings.Split(r.text(e.app, "client_id", e.where), ",") {
		if id = strings.TrimSpace(id); !clientText.MatchString(id) {
			r.wrong(e.where+".client_id", "is missing, or no client id")
		}

		p.ClientIDs = append(p.ClientIDs, id)
	}

	if len(p.ClientIDs) > 1 && e.kind != Apple {
		r.wrong(e.where+".client_id", "want one: only Apple's apps may have several, others are apps of their own")
	}

	p.Hidden, p.RequireNonce = isTrue(r.flag(e.settings, "hidden", e.where)), isTrue(r.flag(e.settings, "require_nonce", e.where))
	p.emailAuthentication = r.option(e, "EMAIL_AUTHENTICATION")
	p.autoConnect = r.option(e, "EMAIL_AUTHENTICATION_AUTO_CONNECT")
	p.VerifiedEmail = isTrue(r.option(e, "VERIFIED_EMAIL"))
	p.hostedDomains = r.domains(e)
	p.jwksURL, p.tokenURL, p.revokeURL = r.address(e, "jwks_url"), r.address(e, "token_url"), r.address(e, "revoke_url")

	issuer := r.address(e, "issuer")
	if field := r.text(e.settings, "uid_field", e.where+".settings"); field != "" && field != "sub" {
		r.wrong(e.where+".settings.uid_field", "people are known by sub alone")
	}

	if e.kind == OpenIDConnect {
		r.openID(e, p, issuer)
	} else {
		r.pinned(e, p, issuer)
	}

	r.found = append(r.found, p)
}

// openID reads what is OpenID Connect's alone.
func (r *reading) openID(e entry, p *Provider, issuer string) {
	const wellKnown = "/.well-known/openid-configuration"

	p.ID = r.text(e.app, "provider_id", e.where)
	if !providerID.MatchString(p.ID) || p.ID == Google || p.ID == Apple || p.ID == OpenIDConnect {
		r.wrong(e.where+".provider_id", "want a name of its own of up to 64 letters, digits, dots, - and _")
	}

	server := r.address(e, "server_url")
	if server == "" {
		r.wrong(e.where+".settings.server_url", "want the provider's issuer")
	}

	server = strings.TrimSuffix(server, wellKnown)
	p.discoveryURL = strings.TrimSuffix(server, "/") + wellKnown

	given := issuer
	if issuer == "" {
		issuer = server
	}

	p.issuers = []string{issuer}
	if p.template = r.template(e, server, given); p.template != nil {
		p.issuers = []string{p.template.issuer}
	}

	if p.Name == "" {
		p.Name = p.ID
	}
}

// pinned reads what is Apple's or Google's alone.
func (r *reading) pinned(e entry, p *Provider, issuer string) {
	where := e.where + ".settings"
	if e.settings["tenants"] != nil {
		r.wrong(where+".tenants", "only OpenID Connect apps have those")
	}

	if issuer != "" && p.jwksURL == "" {
		r.wrong(where+".issuer", "another issuer has other keys: set jwks_url too")
	}

	if e.app["provider_id"] != nil && r.text(e.app, "provider_id", e.where) != e.kind {
		r.wrong(e.where+".provider_id", "only OpenID Connect apps have one")
	}

	if e.kind == Google {
		p.setDefaults("Google", "https://www.googleapis.com/oauth2/v3/certs", "https://accounts.google.com", "accounts.google.com")
	} else {
		p.setDefaults("Apple", appleIssuer+"/auth/keys", appleIssuer)

		if p.tokenURL == "" {
			p.tokenURL = appleIssuer + "/auth/token"
		}

		if p.revokeURL == "" {
			p.revokeURL = appleIssuer + "/auth/revoke"
		}

		p.signer = r.signer(e)
	}

	if issuer != "" {
		p.issuers = []string{issuer}
	}
}

func (p *Provider) setDefaults(name, jwksURL string, issuers ...string) {
	p.issuers = issuers
	if p.Name == "" {
		p.Name = name
	}

	if p.jwksURL == "" {
		p.jwksURL = jwksURL
	}
}

// signer reads the key with which Apple knows us: allauth keeps the key's id in secret and
// the team's in key.
func (r *reading) signer(e entry) *clientSigner {
	block := r.text(e.settings, "certificate_key", e.where+".settings")
	if block == "" {
		block = r.text(e.app, "certificate_key", e.where)
	}

	if block == "" {
		return nil
	}

	keyID, team := r.text(e.app, "secret", e.where), r.text(e.app, "key", e.where)
	if keyID == "" || team == "" {
		r.wrong(e.where, "with a certificate_key, want the id of the key in secret and the id of the team in key")
	}

	private, err := parseSigningKey(block)
	if err != nil {
		r.wrong(e.where+".settings.certificate_key", err.Error())
	}

	return &clientSigner{keyID: keyID, team: team, private: private}
}

// compare looks for apps that contradict one another.
//
// Security: an identity is (provider id, sub). If two issuers shared an id, one of them
// could name the other's people (TestParse_oneIDHasOneIssuer).
func (r *reading) compare() {
	issuers, clients := map[string]string{}, map[string]bool{}
	for _, p := range r.found {
		issuer := strings.Join(p.issuers, " ")
		if first, seen := issuers[p.ID]; seen && first != issuer {
			r.wrong(place(p.ID), "apps of one provider must have one issuer")
		}

		issuers[p.ID] = issuer
		for _, id := range p.ClientIDs {
			if clients[p.ID+" "+id] {
				r.wrong(place(p.ID), "a client id stands twice")
			}

			clients[p.ID+" "+id] = true
		}
	}
}

func (r *reading) unknown(where string, o map[string]any, known []string) {
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if !slices.Contains(known, name) {
			r.wrong(where+"."+place(name), "is unknown")
		}
	}
}

func (r *reading) object(o map[string]any, name, where string) map[string]any {
	value, ok := o[name].(map[string]any)
	if !ok {
		r.wrong(where, "want an object")
	}

	return value
}

func (r *reading) text(o map[string]any, name, where string) string {
	value, ok := o[name].(string)
	if !ok && o[name] != nil {
		r.wrong(where+"."+name, "want a string")
	}

	return strings.TrimSpace(value)
}

// flag is nil where nothing is said.
func (r *reading) flag(o map[string]any, name, where string) *bool {
	if o[name] == nil {
		return nil
	}

	value, ok := o[name].(bool)
	if !ok {
		r.wrong(where+"."+name, "want true or false")
	}

	return &value
}

// option looks where allauth does: the app first, then the provider.
func (r *reading) option(e entry, name string) *bool {
	for _, in := range []struct {
		o           map[string]any
		name, where string
	}{
		{e.settings, strings.ToLower(name), e.where + ".settings"}, {e.settings, name, e.where + ".settings"}, {e.app, name, e.where}, {e.provider, name, e.kind},
	} {
		if value := r.flag(in.o, in.name, in.where); value != nil {
			return value
		}
	}

	return nil
}

func isTrue(flag *bool) bool { return flag != nil && *flag }

func (r *reading) domains(e entry) []string {
	value := e.settings["hosted_domain"]
	if value == nil {
		return nil
	}

	list := lowerTexts(value)
	if slices.Contains(list, "") {
		r.wrong(e.where+".settings.hosted_domain", "want a domain, or a list of them")
	}

	if e.kind != Google {
		r.wrong(e.where+".settings.hosted_domain", "only Google has those")
	}

	return list
}

// lowerTexts reads a list of texts, or a text with commas, in lower case and without outer blanks.
// What is neither becomes an empty text.
func lowerTexts(value any) []string {
	list := []string{""}
	switch v := value.(type) {
	case string:
		list = strings.Split(v, ",")
	case []any:
		list = nil
		for _, one := range v {
			text, _ := one.(string)
			list = append(list, text)
		}
	}

	for n := range list {
		list[n] = strings.ToLower(strings.TrimSpace(list[n]))
	}

	return list
}

func (r *reading) address(e entry, name string) string {
	text := r.text(e.settings, name, e.where+".settings")
	if text == "" {
		return ""
	}

	if !safeURL(text) {
		r.wrong(e.where+".settings."+name, "want an https URL without user, query and fragment; http only for this machine")
	}

	return text
}

// safeURL: https, or http on this machine, which only a fake has.
func safeURL(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#") {
		return false
	}

	return u.Scheme == "https" || u.Scheme == "http" && loopback.Is(u.Hostname())
}
