package verifyfiber_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/latchkey-auth/latchkey/clients/go/verify"
	verifyfiber "github.com/latchkey-auth/latchkey/clients/go/verify/fiber"
)

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// server is a Fiber server over a socket that answers with the caller's id, and a key to
// sign tokens for it.
type server struct {
	t   *testing.T
	key *ecdsa.PrivateKey
	url string
	up  *bool // whether the key set can be read
}

func start(t *testing.T) *server {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	up := true
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !up {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, `{"keys":[{"kty":"EC","crv":"P-256","kid":"k","x":"`+b64(point[1:33])+`","y":"`+b64(point[33:])+`"}]}`)
	}))
	t.Cleanup(keys.Close)
	v, err := verify.New(verify.Options{JWKSURL: keys.URL})
	if err != nil {
		t.Fatal(err)
	}
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Get("/open", func(c *fiber.Ctx) error {
		if _, ok := verifyfiber.Claims(c); ok {
			t.Error("claims on a path that nobody guards")
		}
		return c.SendString("open")
	})
	app.Use(verifyfiber.New(v))
	app.Get("/", func(c *fiber.Ctx) error {
		claims, ok := verifyfiber.Claims(c)
		if !ok {
			t.Error("no claims in the context")
		}
		return c.SendString(claims.Subject)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- app.Listener(listener) }()
	t.Cleanup(func() {
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		if err := app.Shutdown(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return &server{t, key, "http://" + listener.Addr().String(), &up}
}

func (s *server) token(subject int) string {
	now := time.Now().Unix()
	text := b64([]byte(`{"alg":"ES256","kid":"k","typ":"at+jwt"}`)) + "." + b64([]byte(`{"aud":"latchkey","exp":`+strconv.FormatInt(now+300, 10)+`,"gen":1,"iat":`+strconv.FormatInt(now, 10)+
		`,"iss":"latchkey","jti":"j","sid":"AQEBAQEBAQEBAQEBAQEBAQ","sub":"`+strconv.Itoa(subject)+`","token_use":"access"}`))
	sum := sha256.Sum256([]byte(text))
	r, sig, err := ecdsa.Sign(rand.Reader, s.key, sum[:])
	if err != nil {
		s.t.Fatal(err)
	}
	return text + "." + b64(append(r.FillBytes(make([]byte, 32)), sig.FillBytes(make([]byte, 32))...))
}

func (s *server) get(path string, authorization ...string) (*http.Response, string) {
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header["Authorization"] = authorization
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		s.t.Error(err)
		return &http.Response{}, ""
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Error(err)
	}
	return answer, string(body)
}

func TestNew_guardsWhatStandsBehindIt(t *testing.T) {
	t.Parallel()
	s := start(t)
	good := "Bearer " + s.token(42)
	for _, c := range []struct {
		name, path    string
		authorization []string
		status        int
		says          string // in the body or in WWW-Authenticate
	}{
		{"a good token", "/", []string{good}, 200, "42"},
		{"no token", "/", nil, 401, `Bearer realm="latchkey"`},
		{"a bad token", "/", []string{good + "A"}, 401, `error="invalid_token"`},
		{"two headers", "/", []string{good, good}, 400, `error="invalid_request"`},
		{"a path in front of it", "/open", nil, 200, "open"},
	} {
		answer, body := s.get(c.path, c.authorization...)
		if answer.StatusCode != c.status || !strings.Contains(body+answer.Header.Get("WWW-Authenticate"), c.says) {
			t.Errorf("%s: %d %s %v", c.name, answer.StatusCode, body, answer.Header)
		}
		if c.status >= 400 && (answer.Header.Get("Content-Type") != "application/json" || answer.Header.Get("Cache-Control") != "no-store") {
			t.Errorf("%s: headers %v", c.name, answer.Header)
		}
	}
}

func TestNew_503WithoutKeys(t *testing.T) {
	t.Parallel()
	s := start(t)
	*s.up = false
	if answer, body := s.get("/", "Bearer "+s.token(42)); answer.StatusCode != 503 || answer.Header.Get("Retry-After") == "" || !strings.Contains(body, "temporarily_unavailable") {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
}

// Fiber's buffers serve the next request: nobody may find somebody else's claims.
func TestNew_callersAreNeverMixedUp(t *testing.T) {
	t.Parallel()
	s := start(t)
	var all sync.WaitGroup
	for n := 1; n <= 16; n++ {
		bearer, want := "Bearer "+s.token(n), strconv.Itoa(n)
		all.Go(func() {
			for range 50 {
				if _, body := s.get("/", bearer); body != want {
					t.Errorf("caller %s was taken for %s", want, body)
				}
			}
		})
	}
	all.Wait()
}
