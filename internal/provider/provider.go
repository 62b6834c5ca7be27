// Package provider owns sign-in with Apple, Google and other OpenID Connect providers as
// far as it can be checked without a database: which providers are set up, whether an
// id_token is theirs and what it says, the providers' keys, Apple's two endpoints for a
// refresh token, and how one comes to wait for its revocation. It does not own which person an identity belongs to, which nonces are
// out, nor which tokens were used before (the rooms above keep those).
package provider

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// The kinds of provider.
const (
	Google        = "google"
	Apple         = "apple"
	OpenIDConnect = "openid_connect"
)

// The ways in which a provider's token is no proof.
var (
	// ErrInvalidToken is every way in which an id_token is refused.
	ErrInvalidToken = errors.New("invalid provider token")
	// ErrTokenTooOld: the token is good otherwise. It is an ErrInvalidToken, too.
	ErrTokenTooOld = errors.New("the provider token is too old")
	// ErrUnavailable: the provider could not be asked, so that nothing is known.
	ErrUnavailable = errors.New("the provider is unavailable")
	// ErrUnknownClient: no app is set up for this provider and client id.
	ErrUnknownClient = errors.New("unknown provider or client id")
	// ErrInvalidCode: the provider refused an authorization code, or it is another person's.
	ErrInvalidCode = errors.New("invalid authorization code")
)

// Provider is one app at a provider.
type Provider struct {
	// ID is the provider's: google, apple, or the provider_id of an OpenID Connect app. All
	// apps of one ID share an issuer, so that (ID, sub) names one person.
	ID, Name, Kind string
	// ClientIDs are what the audience of a token may be. Apple's apps may have several.
	ClientIDs []string
	// Hidden: not listed, but its tokens are taken.
	Hidden bool
	// RequireNonce: a token without a nonce is refused.
	RequireNonce bool
	// EmailAuthentication: an authoritative address signs in to the account that has it.
	// AutoConnect: and the identity is added to that account.
	EmailAuthentication, AutoConnect bool
	// VerifiedEmail: the operator trusts this provider's word about addresses.
	VerifiedEmail bool

	emailAuthentication, autoConnect *bool // as written; nil: as for all
	issuers                          []string
	template                         *template // nil: issuers says all
	hostedDomains                    []string
	jwksURL, discoveryURL            string
	tokenURL, revokeURL              string
	signer                           *clientSigner
	keys                             *keySource
}

// String is how an app stands in a log: without its key.
func (p Provider) String() string { return p.ID + ":" + strings.Join(p.ClientIDs, ",") }

// CanRevoke reports whether the app can exchange codes and revoke tokens.
func (p *Provider) CanRevoke() bool { return p.signer != nil }

// has reports whether clientID is one of the app's, or all of them as they were written.
func (p *Provider) has(clientID string) bool {
	return slices.Contains(p.ClientIDs, clientID) || clientID == strings.Join(p.ClientIDs, ",")
}

// Providers is everything that is set up.
type Providers struct {
	list   []*Provider
	listed []Listed
	ids    []string
	now    func() time.Time
	web    *web
}

// New sets up what settings name. No provider is asked before its first token comes.
func New(settings Settings, now func() time.Time, log *slog.Logger) (*Providers, error) {
	parsed, err := Parse(settings.Providers)
	if err != nil {
		return nil, err
	}

	p := &Providers{now: now, web: newWeb()}

	sources := map[string]*keySource{}
	for _, app := range parsed {
		app.EmailAuthentication = settings.EmailAuthentication
		if app.emailAuthentication != nil {
			app.EmailAuthentication = *app.emailAuthentication
		}

		app.AutoConnect = settings.AutoConnect
		if app.autoConnect != nil {
			app.AutoConnect = *app.autoConnect
		}

		from := strings.Join([]string{app.ID, app.jwksURL, app.discoveryURL}, " ")
		if sources[from] == nil {
			sources[from] = &keySource{provider: app, web: p.web, now: now, log: log, absent: map[string]time.Time{}}
		}

		app.keys = sources[from]
		p.list = append(p.list, app)
	}

	p.makeList()

	return p, nil
}

// Find returns the app of a provider and client id. Without a client id it is the
// provider's first. The id openid_connect finds an app by its client id, where only one
// has it.
func (p *Providers) Find(id, clientID string) (*Provider, bool) {
	var found []*Provider
	for _, app := range p.list {
		named := app.ID == id || id == OpenIDConnect && app.Kind == OpenIDConnect && clientID != ""
		if named && (clientID == "" || app.has(clientID)) {
			found = append(found, app)
		}
	}

	if len(found) == 0 || id == OpenIDConnect && len(found) > 1 {
		return nil, false
	}

	return found[0], true
}
