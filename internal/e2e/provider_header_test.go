package e2e

import (
	"testing"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
)

// OpenID Connect providers write more into the header of an id_token than Apple and Google do. What says
// where keys are, or nothing that is known, is ignored; what brings a key or changes the rules is refused.
func TestProviderHeader_whatSaysNothingIsIgnored(t *testing.T) {
	t.Parallel()

	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	for name, row := range map[string]struct {
		header map[string]any
		good   bool
	}{
		"where the keys are":       {map[string]any{"jku": "https://idp.example/keys"}, true},
		"an unknown text":          {map[string]any{"ver": "1"}, true},
		"an unknown object":        {map[string]any{"org": map[string]any{"id": 5}}, true},
		"no compression":           {map[string]any{"zip": "NONE"}, true},
		"a nonce":                  {map[string]any{"nonce": "x"}, true},
		"compression":              {map[string]any{"zip": "DEF"}, false},
		"a key":                    {map[string]any{"jwk": map[string]any{"kty": "RSA"}}, false},
		"a certificate":            {map[string]any{"x5c": []string{"AAAA"}}, false},
		"where a certificate is":   {map[string]any{"x5u": "https://idp.example/cert"}, false},
		"what has to be known":     {map[string]any{"crit": []string{"exp"}}, false},
		"an unencoded payload":     {map[string]any{"b64": false}, false},
		"a nested token":           {map[string]any{"cty": "JWT"}, false},
		"an encryption":            {map[string]any{"enc": "A256GCM"}, false},
		"the type of access token": {map[string]any{"typ": "at+jwt"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, provider := range everyProvider {
				c := of(provider, "ada@gmail.com")
				c.Sub = provider + name[:2]
				c.Header = row.header
				good := row.good && provider == fakeprovider.OIDC
				a := w.visitor().bring("login", s, c)
				if good != (a.Status != 400) || !good && a.text("errors.code") != "invalid_token" {
					t.Errorf("%s: %d %s", provider, a.Status, a.Body)
				}
			}
		})
	}
}

// Security: a token that says where its key is does not get that key: it is checked with the provider's own.
func TestProviderHeader_noKeyComesFromWhereATokenSays(t *testing.T) {
	t.Parallel()

	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	w.visitor().bring("login", s, of(fakeprovider.OIDC, ada)).in()
	before := s.Fetches(fakeprovider.Google)
	for _, kid := range []any{nil, "of-another"} {
		forged := fakeprovider.Claims{
			Provider: fakeprovider.Google, Email: ada, Sub: fakeprovider.SubjectFor(fakeprovider.OIDC, ada),
			Overrides: map[string]any{"iss": s.Issuer(fakeprovider.OIDC), "aud": fakeprovider.OIDCClientID, "azp": nil},
			Header:    map[string]any{"jku": s.Issuer(fakeprovider.Google) + "/keys", "kid": kid, "alg": "ES256"},
		}
		body := brought("login", fakeprovider.OIDC, fakeprovider.OIDCClientID, s.token(forged))
		w.visitor().do("POST", providerTokenPath, body).wants(400, "invalid_token@token")
	}
	if n := s.Fetches(fakeprovider.Google); n != before {
		t.Errorf("the keys of another provider were read %d times", n-before)
	}
}
