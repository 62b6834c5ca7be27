package backend

import (
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/clients/go/verify"
	"github.com/latchkey-auth/latchkey/internal/token"
)

const (
	issuer   = "https://auth.example.test"
	audience = "example"
)

// now is the time of both gates; the claims below are written around it.
var now = time.Unix(1_800_000_000, 0).UTC()

const goodClaims = `{"aud":"example","exp":1800000300,"gen":7,"iat":1800000000,"iss":"https://auth.example.test",` +
	`"jti":"AAAAAAAAAAAAAAAAAAAAAA","sid":"AQEBAQEBAQEBAQEBAQEBAQ","sub":"4503599627370495","token_use":"access"}`

func newServerGate(t testing.TB, privateKey string) (*token.Verifier, *token.Keyring) {
	t.Helper()
	ring, err := token.NewKeyring(privateKey)
	if err != nil {
		t.Fatal(err)
	}

	gate, err := token.NewVerifier(ring, token.Settings{
		Algorithm: "ES256", AccessExpiresIn: 300, HeaderScheme: "Bearer", Stateful: true, Issuer: issuer, Audience: audience,
	})
	if err != nil {
		t.Fatal(err)
	}

	return gate, ring
}

// The server's gate is beside its private keys, where a backend has no business, so that there are two.
// The client's own test plays the corpus at the client's gate, and writes it for the server's.
func TestGate_theServerAgreesWithTheClientAboutTheCorpus(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "corpus.json")
	must(t, "../../../clients/go", "go", "test", "-count=1", "-run", "^TestTJWT_corpus$", "./verify", "-args", "-corpus", file)

	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var corpus struct {
		Now        time.Time
		PrivateKey string
		Rows       []struct {
			Name, Compact string
			Accept        bool
		}
	}
	if err := json.Unmarshal(text, &corpus); err != nil {
		t.Fatal(err)
	}
	if len(corpus.Rows) < 100 {
		t.Fatalf("%d rows, want 100 or more", len(corpus.Rows))
	}

	gate, _ := newServerGate(t, corpus.PrivateKey)
	for _, row := range corpus.Rows {
		_, err := gate.Access(row.Compact, corpus.Now)
		if (err == nil) != row.Accept || err != nil && !errors.Is(err, token.ErrInvalid) {
			t.Errorf("%s: the server says %v, the client accepts it: %t", row.Name, err, row.Accept)
		}
	}
}

// gates are the client's and the server's, with the same key, settings and clock.
type gates struct {
	key    *ecdsa.PrivateKey
	kid    string
	client *verify.Verifier
	server *token.Verifier
}

func newGates(t testing.TB) gates {
	t.Helper()
	key, text := newKey(t)
	server, ring := newServerGate(t, text)

	public := ring.Public()[0]
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{map[string]string{
			"kty": public.KeyType, "crv": public.Curve, "x": public.X, "y": public.Y, "kid": public.ID,
		}}})
	}))
	t.Cleanup(keys.Close)
	client, err := verify.New(verify.Options{
		JWKSURL: keys.URL, Issuer: issuer, Audience: audience, Lifetime: 300 * time.Second, Clock: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}

	return gates{key, public.ID, client, server}
}

// Whatever is in a token that is signed with the right key: the client takes none that the server
// itself would not.
func FuzzGate_theClientTakesNothingThatTheServerRefuses(f *testing.F) {
	g := newGates(f)
	header := `{"alg":"ES256","kid":"` + g.kid + `","typ":"at+jwt"}`
	if _, err := g.client.Verify(f.Context(), signed(f, g.key, header, goodClaims)); err != nil {
		f.Fatal(err) // else nothing below is compared
	}

	f.Add(header, goodClaims)
	f.Add(`{"alg":"ES256","kid":"k","typ":"at+jwt"}`, `{"exp":1,"exp":2}`)
	f.Add(`{"alg":"ES256","kid":"`+g.kid+`","typ":"JWT"}`, goodClaims)
	f.Fuzz(func(t *testing.T, header, claims string) {
		compact := signed(t, g.key, header, claims)
		c, ours := g.client.Verify(t.Context(), compact)
		s, theirs := g.server.Access(compact, now)
		if ours == nil && (theirs != nil || c.Subject != s.Subject || c.ID != s.ID || !c.ExpiresAt.Equal(s.ExpiresAt)) {
			t.Errorf("%s %s: the client says %+v, the server %+v, %v", header, claims, c, s, theirs)
		}
	})
}
