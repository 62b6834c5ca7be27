package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
)

// TestProviderClaims_nullIsAbsent: providers write null for what they do not know.
func TestProviderClaims_nullIsAbsent(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none ACCOUNT_SIGNUP_FIELDS=email")
	claims := []string{"email", "email_verified", "nonce", "nbf", "name", "given_name", "picture", "hd", "azp", "is_private_email", "locale"}
	for _, provider := range everyProvider {
		for _, claim := range append(claims, "all of them") {
			t.Run(provider+" "+claim, func(t *testing.T) {
				c := of(provider, "ada@gmail.com")
				c.Sub = provider + claim
				c.Overrides = map[string]any{claim: fakeprovider.Null}
				if claim == "all of them" {
					for _, each := range claims {
						c.Overrides[each] = fakeprovider.Null
					}
				}
				if a := w.visitor().bring("login", s, c); a.Status != 200 && a.Status != 401 {
					t.Error(a.Body)
				}
			})
		}
		for _, claim := range []string{"iss", "aud", "sub", "iat", "exp"} {
			t.Run(provider+" needs "+claim, func(t *testing.T) {
				c := of(provider, "ada@gmail.com")
				c.Overrides = map[string]any{claim: fakeprovider.Null}
				w.visitor().bring("login", s, c).wants(400, "invalid_token@token")
			})
		}
	}
}

// TestProviderClaims_aNullNonceIsNone: it does not satisfy require_nonce, nor a nonce sent along.
func TestProviderClaims_aNullNonceIsNone(t *testing.T) {
	t.Parallel()
	s := newServices(t)
	w := s.open(t, "ACCOUNT_EMAIL_VERIFICATION=none", s.having(t, "openid_connect", "require_nonce", true))
	c := of(fakeprovider.OIDC, ada)
	c.Overrides = map[string]any{"nonce": fakeprovider.Null}
	w.visitor().bring("login", s, c).wants(400, "invalid_token@token")
	raw, _ := w.issued()
	w.visitor().bring("login", s, c, "nonce", raw).wants(400, "invalid_token@token")
}

// TestProviderClaims_oddYesIsNo: of an OpenID Connect provider only true and "true" are a yes, and
// another value is no reason to refuse; Apple and Google never write one.
func TestProviderClaims_oddYesIsNo(t *testing.T) {
	t.Parallel()
	s := newServices(t)
	w := s.open(t, "ACCOUNT_EMAIL_VERIFICATION=none", s.having(t, "openid_connect", "verified_email", true))
	for name, row := range map[string]struct {
		value    any
		verified bool
	}{
		"true": {true, true}, "true as text": {"true", true}, "false": {false, false}, "1": {1, false}, "0": {0, false}, "capital True": {"True", false},
		"empty": {"", false}, "yes": {"yes", false}, "a list": {[]bool{true}, false}, "an object": {map[string]any{"value": true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := of(fakeprovider.OIDC, strings.ReplaceAll(name, " ", "-")+"@example.com")
			c.EmailVerified = row.value
			v := w.visitor()
			v.bring("login", s, c).in()
			if p := v.do("GET", profilePath, "").wants(200); p.get("email_verified") != row.verified {
				t.Errorf("email_verified: %v makes %v, want %v", row.value, p.get("email_verified"), row.verified)
			}

			_, isBool := row.value.(bool)
			c.Provider = fakeprovider.Google
			if a := w.visitor().bring("login", s, c); (a.Status == 400) == isBool {
				t.Errorf("Google, email_verified: %v: %s", row.value, a.Body)
			}
			c.Provider = fakeprovider.Apple
			known := isBool || row.value == "true"
			if a := w.visitor().bring("login", s, c); (a.Status == 400) == known {
				t.Errorf("Apple, email_verified: %v: %s", row.value, a.Body)
			}
		})
	}
}

// TestProviderClaims_otherShapes: what else providers write, and what is still refused.
func TestProviderClaims_otherShapes(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	id := fakeprovider.OIDCClientID
	hence := func(d time.Duration) int64 { return w.clock.Now().Add(d).Unix() }
	for name, row := range map[string]struct {
		claims map[string]any
		good   bool
	}{
		"an audience list of one":                 {map[string]any{"aud": []string{id}, "azp": nil}, true},
		"an audience list of one, azp null":       {map[string]any{"aud": []string{id}, "azp": fakeprovider.Null}, true},
		"an audience list of two with azp":        {map[string]any{"aud": []string{id, "other"}}, true},
		"an audience list of two without azp":     {map[string]any{"aud": []string{id, "other"}, "azp": nil}, false},
		"an audience list of one, azp of another": {map[string]any{"aud": []string{id}, "azp": "other"}, false},
		"an audience list of another":             {map[string]any{"aud": []string{"other"}, "azp": nil}, false},
		"nbf 0":                                   {map[string]any{"nbf": 0}, true},
		"nbf in the future":                       {map[string]any{"nbf": w.clock.Now().Add(time.Hour).Unix()}, false},
		"nbf as text":                             {map[string]any{"nbf": "0"}, true},
		"nbf in the future, as text":              {map[string]any{"nbf": fmt.Sprint(hence(time.Hour))}, false},
		"times as text":                           {map[string]any{"iat": fmt.Sprint(hence(0)), "exp": fmt.Sprint(hence(time.Hour))}, true},
		"times with a fraction":                   {map[string]any{"iat": float64(hence(0)) + 0.25, "exp": float64(hence(time.Hour)) + 0.75}, true},
		"a time with an exponent":                 {map[string]any{"exp": json.RawMessage(fmt.Sprintf("%de0", hence(time.Hour)))}, true},
		"a time as text with a fraction":          {map[string]any{"exp": fmt.Sprint(hence(time.Hour)) + ".0"}, false},
		"a time as text with a blank":             {map[string]any{"exp": " " + fmt.Sprint(hence(time.Hour))}, false},
		"a time as text with a sign":              {map[string]any{"exp": "+" + fmt.Sprint(hence(time.Hour))}, false},
		"a time as a date":                        {map[string]any{"exp": "2126-01-01T00:00:00Z"}, false},
		"a time that is true":                     {map[string]any{"exp": true}, false},
		"a time beyond all years":                 {map[string]any{"exp": 1e300}, false},
		"sub as a number":                         {map[string]any{"sub": 9007199254740993}, true},
		"sub below zero":                          {map[string]any{"sub": -1}, false},
		"sub with a fraction":                     {map[string]any{"sub": 1.5}, false},
		"sub that is true":                        {map[string]any{"sub": true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := of(fakeprovider.OIDC, strings.NewReplacer(" ", "-", ",", "").Replace(name)+"@example.com")
			c.Overrides = row.claims
			if a := w.visitor().bring("login", s, c); (a.Status == 200) != row.good {
				t.Errorf("%s", a.Body)
			}
		})
	}
}

// TestProviderClaims_aNumberAsSubIsItsText: a provider that begins to write it as a text names the same user.
func TestProviderClaims_aNumberAsSubIsItsText(t *testing.T) {
	t.Parallel()

	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	c := of(fakeprovider.OIDC, ada)
	c.Overrides = map[string]any{"sub": 9007199254740993} // no float64 has this value
	first := w.visitor().bring("login", s, c).in()

	c.Overrides = map[string]any{"sub": "9007199254740993"}
	if again := w.visitor().bring("login", s, c).in(); again.get("data.user.id") != first.get("data.user.id") {
		t.Errorf("another user: %s", again.Body)
	}

	c.Email, c.Overrides = "other@example.com", map[string]any{"sub": 9007199254740992}
	if other := w.visitor().bring("login", s, c).in(); other.get("data.user.id") == first.get("data.user.id") {
		t.Errorf("the same user: %s", other.Body)
	}
}

// TestProviderKeys_aTokenWithoutKid is taken where there is exactly one key.
func TestProviderKeys_aTokenWithoutKid(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		fault    fakeprovider.Fault
		provider string
		kid      any
		good     bool
	}{
		"one key":                        {fakeprovider.Healthy, fakeprovider.OIDC, nil, true},
		"one key, kid null":              {fakeprovider.Healthy, fakeprovider.OIDC, fakeprovider.Null, true},
		"one key, which has no kid":      {fakeprovider.Nameless, fakeprovider.OIDC, nil, true},
		"two keys":                       {fakeprovider.TwoKeys, fakeprovider.OIDC, nil, false},
		"two keys, neither has a kid":    {fakeprovider.TwoNameless, fakeprovider.OIDC, nil, false},
		"a kid, two keys without one":    {fakeprovider.TwoNameless, fakeprovider.OIDC, "of-the-token", false},
		"one key, one for encryption":    {fakeprovider.OtherUse, fakeprovider.OIDC, nil, true},
		"Google, which names it always":  {fakeprovider.Healthy, fakeprovider.Google, nil, false},
		"Apple, which names it always":   {fakeprovider.Healthy, fakeprovider.Apple, nil, false},
		"another kid, the key has none":  {fakeprovider.Nameless, fakeprovider.OIDC, "other", false},
		"another kid than that of a key": {fakeprovider.Healthy, fakeprovider.OIDC, "other", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
			s.SetFault(row.provider, row.fault)
			c := of(row.provider, gmail)
			c.Header = map[string]any{"kid": row.kid}
			a := w.visitor().bring("login", s, c)
			if (a.Status == 200) != row.good || !row.good && a.text("errors.code") != "invalid_token" {
				t.Errorf("%d %s", a.Status, a.Body)
			}
			if reason := "names none and there is more than one key"; strings.Contains(name, "two keys") && !strings.Contains(w.log.String(), reason) {
				t.Errorf("the log does not say %q", reason)
			}
		})
	}
}

// TestProviderKeys_theOnlyKeyIsAnother: a token without kid cannot say that the key is new.
func TestProviderKeys_theOnlyKeyIsAnother(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	c := of(fakeprovider.OIDC, ada)
	c.Header = map[string]any{"kid": nil}
	w.visitor().bring("login", s, c).in()
	s.RotateKeys(fakeprovider.OIDC)
	w.visitor().bring("login", s, c).in()
	if n := s.Fetches(fakeprovider.OIDC); n != 2 {
		t.Errorf("the keys were read %d times, want 2", n)
	}

	forged := strings.Split(s.token(c), ".")
	for range 5 {
		token := forged[0] + "." + forged[1] + "." + strings.Repeat("A", 86)
		w.visitor().do("POST", providerTokenPath, brought("login", c.Provider, fakeprovider.OIDCClientID, token)).wants(400, "invalid_token@token")
	}
	if n := s.Fetches(fakeprovider.OIDC); n != 2 {
		t.Errorf("forged tokens made the server read the keys %d times, want 2", n)
	}
}

// TestProviderToken_saysWhetherANewOneHelps: too old and used are told apart from what is no good.
func TestProviderToken_saysWhetherANewOneHelps(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	for _, provider := range everyProvider {
		t.Run(provider, func(t *testing.T) {
			send := func(c fakeprovider.Claims) answer {
				c.Provider, c.Email = provider, provider+"@gmail.com"
				return w.visitor().bring("login", s, c)
			}
			now := w.clock.Now()
			send(fakeprovider.Claims{IssuedAt: now.Add(-9 * time.Minute)}).in()
			send(fakeprovider.Claims{IssuedAt: now.Add(-11 * time.Minute)}).wants(400, "token_too_old@token")
			send(fakeprovider.Claims{IssuedAt: now.Add(-5 * time.Minute), Lifetime: time.Minute}).wants(400, "token_too_old@token")
			// What is wrong besides counts first.
			send(fakeprovider.Claims{IssuedAt: now.Add(-11 * time.Minute), Overrides: map[string]any{"iss": "https://evil.example"}}).wants(400, "invalid_token@token")
			send(fakeprovider.Claims{IssuedAt: now.Add(time.Hour)}).wants(400, "invalid_token@token")

			// An SDK that hands out what it has: used, too old later, and a new one is taken.
			body := brought("login", provider, fakeprovider.ClientIDs(provider)[0], s.token(of(provider, provider+"@gmail.com")))
			w.visitor().do("POST", providerTokenPath, body).in()
			w.visitor().do("POST", providerTokenPath, body).wants(400, "token_used@token")
			w.clock.Advance(11 * time.Minute)
			w.swept()
			w.visitor().do("POST", providerTokenPath, body).wants(400, "token_too_old@token")
			send(fakeprovider.Claims{}).in()
		})
	}
}

// TestProvider_theLogSaysWhyATokenIsRefused, and repeats nothing of it.
func TestProvider_theLogSaysWhyATokenIsRefused(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	const marker = "marked-7f3a"
	old := w.clock.Now().Add(-time.Hour)
	rows := []struct {
		name   string
		claims fakeprovider.Claims
		reason string
	}{
		{"another issuer", fakeprovider.Claims{Overrides: map[string]any{"iss": "https://" + marker + ".example"}}, "iss is not"},
		{"another audience", fakeprovider.Claims{Overrides: map[string]any{"aud": marker}}, "aud is none"},
		{"a strange sub", fakeprovider.Claims{Sub: marker + "\n"}, "sub is missing"},
		{"too old", fakeprovider.Claims{IssuedAt: old, Lifetime: 2 * time.Hour}, "more than 10 minutes"},
		{"expired", fakeprovider.Claims{IssuedAt: old, Lifetime: time.Minute}, "exp has passed"},
		{"a nonce of another maker", fakeprovider.Claims{Nonce: marker}, "nonce is not out"},
		{"an unknown key", fakeprovider.Claims{Header: map[string]any{"kid": marker}}, "no key of its kid"},
		{"an algorithm", fakeprovider.Claims{Header: map[string]any{"alg": "HS256"}}, "algorithm"},
		{"email no text", fakeprovider.Claims{Overrides: map[string]any{"email": []string{marker}}}, "email"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			before := w.log.String()
			row.claims.Provider, row.claims.Email = fakeprovider.Google, marker+"@gmail.com"
			var members []string
			if row.claims.Nonce != "" {
				members = []string{"nonce", row.claims.Nonce}
			}
			row.claims.Overrides = maps.Clone(row.claims.Overrides)
			w.visitor().bring("login", s, row.claims, members...).wants(400)
			logged := strings.TrimPrefix(w.log.String(), before)
			if !strings.Contains(logged, `"msg":"an id_token is refused","provider":"google"`) || !strings.Contains(logged, row.reason) {
				t.Errorf("the log does not say %q: %s", row.reason, logged)
			}
		})
	}

	token := s.token(of(fakeprovider.Google, marker+"@gmail.com"))
	w.visitor().do("POST", providerTokenPath, brought("login", marker, marker, token)).wants(400)
	w.visitor().do("POST", providerTokenPath, brought("login", "google", fakeprovider.GoogleClientID, token)).in()
	w.visitor().do("POST", providerTokenPath, brought("login", "google", fakeprovider.GoogleClientID, token)).wants(400)
	log := w.log.String()
	for _, reason := range []string{"it was used before", "no app is set up"} {
		if !strings.Contains(log, reason) {
			t.Errorf("the log does not say %q", reason)
		}
	}
	if strings.Contains(log, marker) || strings.Contains(log, token[len(token)-40:]) {
		t.Errorf("the log repeats what was sent: %s", log)
	}
	var line map[string]any
	if err := json.Unmarshal([]byte(log[:strings.Index(log, "\n")]), &line); err != nil {
		t.Error(err)
	}
}
