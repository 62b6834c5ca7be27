// Package verify is for backends that are called with a Latchkey access token: it says
// whose token it is, without asking Latchkey for every call.
//
// A [Verifier] holds the server's public keys (its JWKS) and goes on with them when the
// server cannot be reached. [Verifier.Middleware] guards a net/http handler, package
// verify/fiber a Fiber one, [FromContext] gives the handler the claims. For any other
// framework there is [Verifier.Authenticate], and [Verifier.Verify] for a bare token.
//
// A token is good until it expires, 5 minutes by default, also after its session has
// ended. Where that is too long, set [Options.CheckSession].
package verify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// The two ways in which a token does not pass.
var (
	// ErrInvalid: the token is not good for this service: answer 401. Which rule it broke
	// is nobody's business.
	ErrInvalid = errors.New("verify: invalid access token")
	// ErrUnavailable: we could not find out, because no key set or no answer about the
	// session was to be had: answer 503, and never 401, which would make an app refresh or
	// sign its person out.
	ErrUnavailable = errors.New("verify: cannot check the access token now")
)

// Limits of [Options].
const (
	// MaxLifetime is the longest time for which a Latchkey server can be set to issue
	// access tokens.
	MaxLifetime = 24 * time.Hour
	// MaxSessionAge is how old an answer about a session may get.
	MaxSessionAge = 10 * time.Second

	defaultParty      = "latchkey" // LATCHKEY_ISSUER and LATCHKEY_AUDIENCE of a server that sets neither
	defaultSessionAge = 2 * time.Second
	defaultTimeout    = 5 * time.Second
)

// Options says whose tokens are taken.
type Options struct {
	// BaseURL is where the Latchkey server is, such as "https://auth.example.com". Plain
	// http is taken for a loopback address alone: who can change the key set on its way
	// can sign tokens.
	BaseURL string
	// JWKSURL is where the key set is, when it is not BaseURL/.well-known/jwks.json. With
	// JWKSURL, BaseURL is needed for CheckSession alone.
	JWKSURL string
	// Issuer and Audience are LATCHKEY_ISSUER and LATCHKEY_AUDIENCE of the server, compared
	// byte for byte. Empty means the server's default, "latchkey".
	Issuer, Audience string
	// Lifetime is the longest time between a token's iat and exp that is taken. 0 means
	// [MaxLifetime]; HEADLESS_JWT_ACCESS_TOKEN_EXPIRES_IN of the server is best.
	Lifetime time.Duration
	// InsecureHTTP takes http for any host, such as another container on the same network.
	InsecureHTTP bool

	// CheckSession asks the server (GET auth/session, with the caller's own token) whether
	// the session still lives, so that a sign-out counts at once. When the server cannot
	// be reached, calls are then refused with [ErrUnavailable].
	CheckSession bool
	// SessionAge is how long such an answer is remembered: 0 means 2 s, less than 0 not at
	// all, [MaxSessionAge] is the most.
	SessionAge time.Duration

	// HTTPClient fetches from the server. Redirects are never followed, and a timeout of 0
	// becomes 5 s. Nil means a client of its own.
	HTTPClient *http.Client
	// Logger is told when the server cannot be reached; nil means nobody is. Tokens are
	// never logged.
	Logger *slog.Logger
	// Clock tells the time; nil means [time.Now].
	Clock func() time.Time
}

// Verifier checks access tokens. It is safe for concurrent use and has nothing to close.
type Verifier struct {
	issuer, audience string
	lifetime         time.Duration
	now              func() time.Time
	keys             *keySource
	sessions         *sessions // nil: not asked
}

// New returns a verifier. It reads no key before the first token comes, so that a backend
// can start before its Latchkey server.
func New(o Options) (*Verifier, error) {
	o = o.withDefaults()
	if o.Lifetime < 0 || o.Lifetime > MaxLifetime {
		return nil, fmt.Errorf("verify: Lifetime: want at most %s", MaxLifetime)
	}
	if o.SessionAge > MaxSessionAge {
		return nil, fmt.Errorf("verify: SessionAge: want at most %s", MaxSessionAge)
	}
	if o.JWKSURL == "" {
		o.JWKSURL = strings.TrimSuffix(o.BaseURL, "/") + "/.well-known/jwks.json"
	}
	if err := checkURL(o.JWKSURL, o.InsecureHTTP); err != nil {
		return nil, err
	}
	client := clientOf(o.HTTPClient)
	v := &Verifier{
		issuer: o.Issuer, audience: o.Audience, lifetime: o.Lifetime, now: o.Clock,
		keys: &keySource{url: o.JWKSURL, client: client, now: o.Clock, log: o.Logger, absent: map[string]bool{}},
	}
	if o.CheckSession {
		if err := checkURL(o.BaseURL, o.InsecureHTTP); err != nil {
			return nil, err
		}
		v.sessions = &sessions{
			url: strings.TrimSuffix(o.BaseURL, "/") + sessionPath, client: client, now: o.Clock, log: o.Logger,
			age: o.SessionAge, known: map[tokenHash]verdict{},
		}
	}
	return v, nil
}

func (o Options) withDefaults() Options {
	if o.Issuer == "" {
		o.Issuer = defaultParty
	}
	if o.Audience == "" {
		o.Audience = defaultParty
	}
	if o.Lifetime == 0 {
		o.Lifetime = MaxLifetime
	}
	if o.SessionAge == 0 {
		o.SessionAge = defaultSessionAge
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// checkURL refuses addresses over which anybody on the way could hand us keys.
func checkURL(text string, insecure bool) error {
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Host == "", u.User != nil, u.Fragment != "", u.Scheme != "https" && u.Scheme != "http":
		return errors.New("verify: BaseURL or JWKSURL: want an absolute https URL without user")
	case u.Scheme == "http" && !insecure && !loopback(u.Hostname()):
		return errors.New("verify: BaseURL or JWKSURL: http to another host needs InsecureHTTP")
	}
	return nil
}

func loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// clientOf copies given. Security: a redirect would fetch keys from, or show a token to, a
// host that nobody has named.
func clientOf(given *http.Client) *http.Client {
	client := http.Client{}
	if given != nil {
		client = *given
	}
	if client.Timeout == 0 {
		client.Timeout = defaultTimeout
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client
}

// Verify checks a compact access token, and its session where [Options.CheckSession] is
// set. Errors are [ErrInvalid], [ErrUnavailable] and those of ctx.
func (v *Verifier) Verify(ctx context.Context, compact string) (Claims, error) {
	c, err := v.gate(ctx, compact)
	if err != nil {
		return Claims{}, err
	}
	now := v.now()
	if !now.Before(c.ExpiresAt) || c.IssuedAt.After(now.Add(clockSkew)) || c.ExpiresAt.Sub(c.IssuedAt) > v.lifetime {
		return Claims{}, ErrInvalid
	}
	if v.sessions != nil {
		if err := v.sessions.check(ctx, compact, c.Subject); err != nil {
			return Claims{}, err
		}
	}
	return c, nil
}
