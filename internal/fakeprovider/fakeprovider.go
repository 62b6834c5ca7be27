// Package fakeprovider is an Apple, a Google and an OpenID Connect provider of our own,
// for tests and for `latchkey dev`. It owns their keys, tokens, pages and faults. It is
// written without internal/provider and its library, so that one can be tested against
// the other, and it believes everybody: it has no place in a server that people rely on.
package fakeprovider

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// The providers, as their ids are in SOCIALACCOUNT_PROVIDERS and in our paths.
const (
	Apple  = "apple"
	Google = "google"
	OIDC   = "fake-oidc"
)

// The client ids that tokens are made for.
const (
	AppleClientID    = "dev.latchkey.app"
	AppleWebClientID = "dev.latchkey.web"
	GoogleClientID   = "dev.latchkey.google"
	OIDCClientID     = "dev.latchkey.oidc"
)

// What the app is at Apple.
const (
	appleTeam  = "FAKETEAM01"
	appleKeyID = "FAKEKEY001"
)

// Options of a server.
type Options struct {
	// Addr is where it listens; empty: a free port of this machine.
	Addr string
	// Now is its clock.
	Now func() time.Time
}

// Server is the three providers at one address. It is safe for concurrent use.
type Server struct {
	// URL is the address, without a slash at the end.
	URL string

	now       func() time.Time
	clientKey *ecdsa.PrivateKey // with which the app shows Apple who it is
	server    *http.Server
	served    chan struct{} // closed when the server has ended
	closing   chan struct{}

	mu        sync.Mutex // guards what follows
	sides     map[string]*side
	codes     map[string]grant
	refresh   map[string]grant
	exchanged []string
	revoked   []string
	failures  int
}

// side is one provider.
type side struct {
	keys      []signingKey // the last signs; what is shown depends on the faults
	old       bool
	fault     Fault
	released  chan struct{}
	control   string // Cache-Control
	keyIssuer string // that the key set names beside the keys; empty: none
	fetches   int
	documents int
}

// Start listens and serves.
func Start(o Options) (*Server, error) {
	if o.Now == nil {
		return nil, errors.New("fakeprovider: no clock")
	}

	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}

	clientKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}

	listener, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return nil, fmt.Errorf("fakeprovider: %w", err)
	}

	s := &Server{
		URL: "http://" + reachable(listener.Addr()), now: o.Now, clientKey: clientKey,
		served: make(chan struct{}), closing: make(chan struct{}),
		sides: map[string]*side{}, codes: map[string]grant{}, refresh: map[string]grant{},
	}
	for _, name := range names {
		s.sides[name] = &side{keys: []signingKey{firstKey(name)}, released: make(chan struct{}), control: "public, max-age=3600"}
	}

	s.server = &http.Server{Handler: s.routes(), ReadHeaderTimeout: 5 * time.Second}
	go func() {
		defer close(s.served)
		_ = s.server.Serve(listener) // always an error: that it was closed
	}()

	return s, nil
}

// reachable is how this machine reaches an address: one that listens everywhere is none.
func reachable(a net.Addr) string {
	at, ok := a.(*net.TCPAddr)
	if !ok || !at.IP.IsUnspecified() {
		return a.String()
	}

	return net.JoinHostPort("127.0.0.1", strconv.Itoa(at.Port))
}

// Close ends the server, and every answer that is held back.
func (s *Server) Close() error {
	s.mu.Lock()
	select {
	case <-s.closing:
	default:
		close(s.closing)
	}

	s.mu.Unlock()
	err := s.server.Close()
	<-s.served

	return err
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{provider}/keys", s.known(s.serveKeys))
	mux.HandleFunc("GET /"+OIDC+"/.well-known/openid-configuration", s.serveConfiguration)
	mux.HandleFunc("GET /"+Entra+"/common/v2.0/.well-known/openid-configuration", s.serveSharedConfiguration)
	mux.HandleFunc("GET /{provider}/sign-in", s.known(s.showSignIn))
	mux.HandleFunc("POST /{provider}/sign-in", s.known(s.signIn))
	mux.HandleFunc("POST /{provider}/token-for", s.known(s.tokenFor))
	mux.HandleFunc("POST /"+Apple+"/auth/token", s.client(s.exchange))
	mux.HandleFunc("POST /"+Apple+"/auth/revoke", s.client(s.revoke))

	return mux
}

// names are the providers that there are.
var names = []string{Apple, Google, OIDC, Entra}

// known answers 404 for any other provider.
func (s *Server) known(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(names, r.PathValue("provider")) {
			http.NotFound(w, r)
			return
		}

		next(w, r)
	}
}

// Issuer is the issuer of a provider.
func (s *Server) Issuer(provider string) string {
	if provider == Entra {
		return s.URL + "/" + Entra + "/" + tenantPlace + "/v2.0"
	}

	return s.URL + "/" + provider
}

// ClientIDs are those of a provider's apps.
func ClientIDs(provider string) []string {
	return map[string][]string{Apple: {AppleClientID, AppleWebClientID}, Google: {GoogleClientID}, OIDC: {OIDCClientID}, Entra: {EntraClientID}}[provider]
}

// Providers is the SOCIALACCOUNT_PROVIDERS that names this server.
func (s *Server) Providers() string {
	apps := func(app map[string]any) map[string]any { return map[string]any{"APPS": []any{app}} }

	text, err := json.Marshal(map[string]any{
		Google: apps(map[string]any{
			"name": "Google", "client_id": GoogleClientID, "secret": "", "key": "",
			"settings": map[string]any{"issuer": s.Issuer(Google), "jwks_url": s.Issuer(Google) + "/keys"},
		}),
		Apple: apps(map[string]any{
			"name": "Apple", "client_id": AppleClientID + "," + AppleWebClientID, "secret": appleKeyID, "key": appleTeam,
			"settings": map[string]any{
				"issuer": s.Issuer(Apple), "jwks_url": s.Issuer(Apple) + "/keys", "token_url": s.Issuer(Apple) + "/auth/token",
				"revoke_url": s.Issuer(Apple) + "/auth/revoke", "certificate_key": s.clientKeyPEM(),
			},
		}),
		"openid_connect": apps(map[string]any{
			"provider_id": OIDC, "name": "Fake OpenID Connect", "client_id": OIDCClientID, "secret": "",
			"settings": map[string]any{"server_url": s.Issuer(OIDC)},
		}),
	})
	if err != nil {
		panic("fakeprovider: " + err.Error()) // strings alone
	}

	return string(text)
}

func (s *Server) clientKeyPEM() string {
	der, err := x509.MarshalPKCS8PrivateKey(s.clientKey)
	if err != nil {
		panic("fakeprovider: " + err.Error()) // a key that we made
	}

	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}
