package provider_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
	"github.com/latchkey-auth/latchkey/internal/provider"
)

// house is the fake providers and us, with one clock.
type house struct {
	t         *testing.T
	fake      *fakeprovider.Server
	clock     *clock
	providers *provider.Providers
}

func newHouse(t *testing.T) *house {
	t.Helper()
	c := newClock()
	fake, err := fakeprovider.Start(fakeprovider.Options{Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fake.Close() })
	h := &house{t: t, fake: fake, clock: c, providers: newProviders(t, fake.Providers(), c)}
	h.providers.SetKeysTimeout(time.Minute)
	return h
}

var kinds = []string{fakeprovider.Apple, fakeprovider.Google, fakeprovider.OIDC}

func (h *house) signIn(id string) error { return h.bring(id, h.token(id)) }

func (h *house) token(id string) string {
	return h.fake.Token(fakeprovider.Claims{Provider: id, Email: "ann@gmail.com"})
}

func (h *house) bring(id, token string) error {
	_, err := h.providers.Verify(context.Background(), provider.Token{Provider: id, ClientID: fakeprovider.ClientIDs(id)[0], IDToken: token})
	return err
}

// gives makes a provider faulty; one that is slow is waited for only while it is.
func (h *house) gives(id string, fault fakeprovider.Fault) {
	h.fake.SetFault(id, fault)
	timeout := time.Minute
	if fault == fakeprovider.Slow {
		timeout = 50 * time.Millisecond
	}
	h.providers.SetKeysTimeout(timeout)
}

func (h *house) wants(what string, err, want error) {
	h.t.Helper()
	if !errors.Is(err, want) || want == nil && err != nil {
		h.t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func (h *house) asked(what, id string, want int) {
	h.t.Helper()
	if got := h.fake.Fetches(id); got != want {
		h.t.Errorf("%s: %s was asked %d times, want %d", what, id, got, want)
	}
}

func TestSource_keysAreReadOnceAndKept(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, id := range kinds {
		h.fake.SetCacheControl(id, "public, max-age=3600")
		h.asked("before the first token", id, 0)
		h.wants(id, h.signIn(id), nil)
		h.wants(id, h.signIn(id), nil)
		h.asked("two tokens", id, 1)
	}
	h.clock.advance(time.Hour - time.Second)
	for _, id := range kinds {
		h.wants(id, h.signIn(id), nil)
		h.asked("within their time", id, 1)
	}
	h.clock.advance(time.Second)
	for _, id := range kinds {
		h.wants(id, h.signIn(id), nil)
		h.asked("after their time", id, 2)
	}
	if h.fake.Discoveries() != 2 {
		t.Errorf("the discovery document was asked for %d times", h.fake.Discoveries())
	}
}

// SEC-73: 5 minutes at least, 24 hours at most.
func TestSEC73_cacheControlHasBounds(t *testing.T) {
	t.Parallel()
	for control, lives := range map[string]time.Duration{
		"": 5 * time.Minute, "no-store": 5 * time.Minute, "max-age=0": 5 * time.Minute, "max-age=-5": 5 * time.Minute, "max-age=x": 5 * time.Minute, "max-age=999999999999": 5 * time.Minute,
		"public, max-age=600": 10 * time.Minute, "MAX-AGE=600, must-revalidate": 10 * time.Minute, "max-age=31536000": 24 * time.Hour,
	} {
		h := newHouse(t)
		h.fake.SetCacheControl(fakeprovider.Google, control)
		h.wants(control, h.signIn(fakeprovider.Google), nil)
		h.clock.advance(lives - time.Second)
		h.wants(control, h.signIn(fakeprovider.Google), nil)
		h.asked(control+": a second before", fakeprovider.Google, 1)
		h.clock.advance(time.Second)
		h.wants(control, h.signIn(fakeprovider.Google), nil)
		h.asked(control+": then", fakeprovider.Google, 2)
	}
}

// T-IDT: a key that was made just now is found, by one more look.
func TestSource_rotatedKeyIsReadOnce(t *testing.T) {
	t.Parallel()
	for _, id := range kinds {
		h := newHouse(t)
		old := h.token(id)
		h.wants("before", h.signIn(id), nil)
		h.fake.RotateKeys(id)
		h.wants("after", h.signIn(id), nil)
		h.asked("after", id, 2)
		h.wants("again", h.signIn(id), nil)
		h.asked("again", id, 2)
		h.wants("the removed key", h.bring(id, old), provider.ErrInvalidToken)
		h.asked("the removed key", id, 2) // 30 s are not over
	}
}

// SEC-73: whoever names unknown keys makes us ask once in 30 s, and once in 5 min for the same.
func TestSEC73_unknownKidIsSoughtOnceIn30s(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const id = fakeprovider.Google
	unknown := func(kid string) error {
		return h.bring(id, h.fake.Token(fakeprovider.Claims{Provider: id, Header: map[string]any{"kid": kid}}))
	}
	h.wants("known", h.signIn(id), nil)
	for n := range 100 {
		h.wants("unknown", unknown(fmt.Sprint("kid", n)), provider.ErrInvalidToken)
	}
	h.asked("a hundred kids", id, 2)
	h.clock.advance(29 * time.Second)
	h.wants("unknown", unknown("another"), provider.ErrInvalidToken)
	h.asked("after 29 s", id, 2)
	h.clock.advance(time.Second)
	h.wants("unknown", unknown("kid0"), provider.ErrInvalidToken)
	h.asked("the same kid", id, 2)
	h.wants("unknown", unknown("yet-another"), provider.ErrInvalidToken)
	h.asked("after 30 s", id, 3)
	h.clock.advance(5 * time.Minute)
	h.wants("unknown", unknown("kid0"), provider.ErrInvalidToken)
	h.asked("after 5 min", id, 4)
	h.wants("known", h.signIn(id), nil)
}

// A key that was made in haste is found in 30 s, also where somebody has just named an unknown
// kid: only what was looked for and not found has to wait for 5 min.
func TestSource_strayKidDelaysANewKeyFor30sAtMost(t *testing.T) {
	t.Parallel()
	for _, id := range kinds {
		h := newHouse(t)
		h.wants("before", h.signIn(id), nil)
		h.wants("stray", h.bring(id, h.fake.Token(fakeprovider.Claims{Provider: id, Header: map[string]any{"kid": "stray"}})), provider.ErrInvalidToken)
		h.fake.RotateKeys(id)
		h.wants("at once", h.signIn(id), provider.ErrInvalidToken)
		h.asked("at once", id, 2)
		h.clock.advance(29 * time.Second)
		h.wants("after 29 s", h.signIn(id), provider.ErrInvalidToken)
		h.clock.advance(time.Second)
		h.wants("after 30 s", h.signIn(id), nil)
		h.asked("after 30 s", id, 3)
	}
}

// A cache on the way may show the old set for a while: the new key is found later.
func TestSource_keyThatIsShownLateIsFoundLater(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const id = fakeprovider.Apple
	h.wants("before", h.signIn(id), nil)
	h.fake.RotateKeys(id)
	h.fake.ServeOldKeys(id, true)
	h.wants("not shown yet", h.signIn(id), provider.ErrInvalidToken)
	h.fake.ServeOldKeys(id, false)
	h.wants("within 30 s", h.signIn(id), provider.ErrInvalidToken)
	h.clock.advance(5 * time.Minute)
	h.wants("later", h.signIn(id), nil)
}

var faults = map[string]fakeprovider.Fault{
	"slow": fakeprovider.Slow, "garbage": fakeprovider.Garbage, "failing": fakeprovider.Failing, "gone": fakeprovider.Gone, "duplicate kid": fakeprovider.DuplicateKid,
	"symmetric": fakeprovider.Symmetric, "redirecting": fakeprovider.Redirecting, "oversize": fakeprovider.Oversize, "empty": fakeprovider.Empty,
}

// T-IDT: without cached keys a fault is 503; with them sign-in works for 24 hours beyond their lifetime, and then it is 503.
func TestSEC73_faultyProvider(t *testing.T) {
	t.Parallel()
	for name, fault := range faults {
		for _, id := range []string{fakeprovider.Google, fakeprovider.OIDC} {
			t.Run(name+" "+id, func(t *testing.T) {
				t.Parallel()
				cold := newHouse(t)
				cold.gives(id, fault)
				cold.wants("cold", cold.signIn(id), provider.ErrUnavailable)
				cold.wants("cold, again at once", cold.signIn(id), provider.ErrUnavailable)
				cold.asked("cold", id, 1)
				cold.gives(id, fakeprovider.Healthy)
				cold.clock.advance(time.Second)
				cold.wants("mended", cold.signIn(id), nil)

				warm := newHouse(t)
				warm.wants("warm", warm.signIn(id), nil)
				warm.gives(id, fault)
				warm.wants("warm", warm.signIn(id), nil)
				warm.clock.advance(25*time.Hour - time.Second) // max-age is an hour
				warm.wants("stale", warm.signIn(id), nil)
				warm.wants("stale, at once", warm.signIn(id), nil)
				warm.asked("stale", id, 2)
				other := warm.fake.Token(fakeprovider.Claims{Provider: id, Header: map[string]any{"kid": "other"}})
				warm.wants("stale, another key", warm.bring(id, other), provider.ErrUnavailable)
				warm.clock.advance(time.Second)
				warm.wants("too old", warm.signIn(id), provider.ErrUnavailable)
				warm.gives(id, fakeprovider.Healthy)
				warm.clock.advance(time.Second)
				warm.wants("mended", warm.signIn(id), nil)
			})
		}
	}
}

// One provider's trouble is nobody else's, also while its answer is being waited for.
func TestSEC73_slowProviderHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fake.SetFault(fakeprovider.Google, fakeprovider.Slow)
	done := make(chan error)
	go func() { done <- h.signIn(fakeprovider.Google) }()
	for h.fake.Fetches(fakeprovider.Google) == 0 { // it is being waited for
		h.wants("Apple", h.signIn(fakeprovider.Apple), nil)
	}
	h.wants("Apple", h.signIn(fakeprovider.Apple), nil)
	h.wants("OpenID Connect", h.signIn(fakeprovider.OIDC), nil)
	h.fake.SetFault(fakeprovider.Google, fakeprovider.Healthy)
	h.wants("Google", <-done, nil)
}

// A token that no key could make is refused without asking for keys.
func TestSource_nonsenseAsksNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, header := range []map[string]any{{"alg": "HS256"}, {"alg": "none"}, {"alg": "ES384"}, {"kid": "a b"}, {"kid": strings.Repeat("k", 257)}, {"kid": nil}, {"crit": []string{"exp"}}} {
		for _, id := range kinds {
			if kid, named := header["kid"]; named && kid == nil && id == fakeprovider.OIDC {
				continue // its only key may be meant
			}
			h.wants(fmt.Sprint(header), h.bring(id, h.fake.Token(fakeprovider.Claims{Provider: id, Header: header})), provider.ErrInvalidToken)
			h.asked(fmt.Sprint(header), id, 0)
		}
	}
}

// A provider that is gone altogether, connection and all.
func TestSource_nobodyListens(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.token(fakeprovider.Google)
	_ = h.fake.Close()
	h.wants("gone", h.bring(fakeprovider.Google, token), provider.ErrUnavailable)
}

// One answer serves all who wait for it.
func TestSource_singleFlight(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const id = fakeprovider.Google
	h.fake.SetFault(id, fakeprovider.Slow)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { h.wants("waiting", h.signIn(id), nil) })
	}
	for h.fake.Fetches(id) == 0 { // the first of them is there
		_ = h.signIn(fakeprovider.OIDC) // and the others are not held up
	}
	h.clock.advance(time.Minute) // long enough to ask again, were nobody waiting for the answer
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := h.providers.Verify(ctx, provider.Token{Provider: id, ClientID: fakeprovider.GoogleClientID, IDToken: h.token(id)})
	h.wants("one more", err, context.Canceled)
	h.fake.SetFault(id, fakeprovider.Healthy)
	wg.Wait()
	h.wants("afterwards", h.signIn(id), nil)
	h.asked("twenty at once", id, 1)
}

func TestSource_whoeverWaitsMayLeave(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const id = fakeprovider.Google
	h.fake.SetFault(id, fakeprovider.Slow)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := h.providers.Verify(ctx, provider.Token{Provider: id, ClientID: fakeprovider.GoogleClientID, IDToken: h.token(id)})
	h.wants("left", err, provider.ErrUnavailable)
	h.wants("left", err, context.Canceled)
	h.fake.SetFault(id, fakeprovider.Healthy)
	h.wants("the read went on", h.signIn(id), nil)
	h.asked("the read went on", id, 1)
}

// Keys that are there and fresh are used at once, also while a read is under way that
// somebody's unknown kid has caused.
func TestSource_unknownKidHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const id = fakeprovider.Google
	h.wants("warm", h.signIn(id), nil)
	h.fake.SetFault(id, fakeprovider.Slow)
	done := make(chan error)
	go func() {
		done <- h.bring(id, h.fake.Token(fakeprovider.Claims{Provider: id, Header: map[string]any{"kid": "unknown"}}))
	}()
	for h.fake.Fetches(id) < 2 { // the read for it is under way
		h.wants("meanwhile", h.signIn(id), nil)
	}
	h.wants("meanwhile", h.signIn(id), nil)
	h.fake.SetFault(id, fakeprovider.Healthy)
	h.wants("unknown", <-done, provider.ErrInvalidToken)
}

// The log says that keys are old, while people still get in.
func TestSource_failureIsLogged(t *testing.T) {
	t.Parallel()
	c := newClock()
	fake, err := fakeprovider.Start(fakeprovider.Options{Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = fake.Close() }()
	var text bytes.Buffer
	p, err := provider.New(provider.Settings{Providers: fake.Providers()}, c.now, slog.New(slog.NewTextHandler(&text, nil)))
	if err != nil {
		t.Fatal(err)
	}
	fake.SetFault(fakeprovider.Google, fakeprovider.Failing)
	_, err = p.Verify(context.Background(), provider.Token{Provider: "google", ClientID: fakeprovider.GoogleClientID, IDToken: fake.Token(fakeprovider.Claims{Provider: "google"})})
	if !errors.Is(err, provider.ErrUnavailable) || !strings.Contains(err.Error(), "status 500") {
		t.Error(err)
	}
	if !strings.Contains(text.String(), "provider=google") || !strings.Contains(text.String(), "status 500") {
		t.Error(text.String())
	}
}

// Discovery: the document must be the issuer's own, and its keys no less safe than it.
func TestDiscovery_documents(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		document string // URL stands for the issuer
		good     bool
	}{
		"good":            {`{"issuer":"URL","jwks_uri":"URL/keys"}`, true},
		"more members":    {`{"issuer":"URL","jwks_uri":"URL/keys","scopes_supported":["openid"],"x":{"y":[1]}}`, true},
		"another issuer":  {`{"issuer":"https://evil.example","jwks_uri":"URL/keys"}`, false},
		"a slash more":    {`{"issuer":"URL/","jwks_uri":"URL/keys"}`, false},
		"no issuer":       {`{"jwks_uri":"URL/keys"}`, false},
		"issuer twice":    {`{"issuer":"URL","issuer":"URL","jwks_uri":"URL/keys"}`, false},
		"no keys":         {`{"issuer":"URL"}`, false},
		"keys over http":  {`{"issuer":"URL","jwks_uri":"http://evil.example/keys"}`, false},
		"keys with user":  {`{"issuer":"URL","jwks_uri":"http://a:b@127.0.0.1/keys"}`, false},
		"keys in a file":  {`{"issuer":"URL","jwks_uri":"file:///etc/passwd"}`, false},
		"keys no string":  {`{"issuer":"URL","jwks_uri":["URL/keys"]}`, false},
		"a list":          {`[{"issuer":"URL","jwks_uri":"URL/keys"}]`, false},
		"text behind":     {`{"issuer":"URL","jwks_uri":"URL/keys"} x`, false},
		"larger than all": {`{"issuer":"URL","jwks_uri":"URL/keys","x":"` + strings.Repeat("y ", 40<<10) + `"}`, false},
	} {
		var server *httptest.Server
		server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/keys") {
				_, _ = w.Write([]byte(setOf(rsaJWK(&rsaKey().PublicKey, "k1"))))
				return
			}
			_, _ = w.Write([]byte(strings.ReplaceAll(row.document, "URL", server.URL)))
		}))
		p := newProviders(t, `{"openid_connect":{"APPS":[{"provider_id":"corp","client_id":"oidc.example","settings":{"server_url":"`+server.URL+`"}}]}}`, newClock())
		_, err := p.Verify(context.Background(), provider.Token{Provider: "corp", ClientID: "oidc.example", IDToken: compact(rsHeader, with(t, oidcClaims, "https://login.example", server.URL))})
		if row.good != (err == nil) || !row.good && !errors.Is(err, provider.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(name, "keys") && !row.good && !strings.Contains(err.Error(), "jwks_uri") { // refused, not tried
			t.Errorf("%s: %v", name, err)
		}
		server.Close()
	}
}

// A document that came over https names no keys without it, not even on this machine.
func TestDiscovery_keysAreAsSafeAsTheDocument(t *testing.T) {
	t.Parallel()
	keys := func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(setOf(rsaJWK(&rsaKey().PublicKey, "k1"))))
	}
	plain := httptest.NewServer(http.HandlerFunc(keys))
	defer plain.Close()
	for name, good := range map[string]bool{"https": true, "http": false} {
		var server *httptest.Server
		server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			at := map[string]string{"https": server.URL, "http": plain.URL}[name]
			if r.URL.Path == "/keys" {
				keys(w, r)
				return
			}
			_, _ = fmt.Fprintf(w, `{"issuer":"%s","jwks_uri":"%s/keys"}`, server.URL, at)
		}))
		p := newProviders(t, `{"openid_connect":{"APPS":[{"provider_id":"corp","client_id":"oidc.example","settings":{"server_url":"`+server.URL+`"}}]}}`, newClock())
		p.SetTransport(server.Client().Transport)
		_, err := p.Verify(context.Background(), provider.Token{Provider: "corp", ClientID: "oidc.example", IDToken: compact(rsHeader, with(t, oidcClaims, "https://login.example", server.URL))})
		if good != (err == nil) || !good && (!errors.Is(err, provider.ErrUnavailable) || !strings.Contains(err.Error(), "jwks_uri")) {
			t.Errorf("%s: %v", name, err)
		}
		server.Close()
	}
}

// Where the keys have moved, the document is read again.
func TestDiscovery_followsMovedKeys(t *testing.T) {
	t.Parallel()
	var moved atomic.Bool
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=86400")
		where, kid := "/old", "k0"
		if moved.Load() {
			where, kid = "/new", "k1"
		}
		switch r.URL.Path {
		case where:
			_, _ = w.Write([]byte(setOf(rsaJWK(&rsaKey().PublicKey, kid))))
		case "/.well-known/openid-configuration":
			_, _ = fmt.Fprintf(w, `{"issuer":"%s","jwks_uri":"%s%s"}`, server.URL, server.URL, where)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	c := newClock()
	p := newProviders(t, `{"openid_connect":{"APPS":[{"provider_id":"corp","client_id":"oidc.example","settings":{"server_url":"`+server.URL+`"}}]}}`, c)
	bring := func(kid string) error {
		_, err := p.Verify(context.Background(), provider.Token{Provider: "corp", ClientID: "oidc.example", IDToken: compact(with(t, rsHeader, "k1", kid), with(t, oidcClaims, "https://login.example", server.URL))})
		return err
	}
	if err := bring("k0"); err != nil {
		t.Fatal(err)
	}
	moved.Store(true)
	if err := bring("k1"); !errors.Is(err, provider.ErrUnavailable) {
		t.Errorf("the old place: %v", err)
	}
	c.advance(30 * time.Second)
	if err := bring("k1"); err != nil {
		t.Errorf("the new place: %v", err)
	}
}
