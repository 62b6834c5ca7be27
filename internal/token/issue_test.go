package token_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/token"
)

const maxUserID = "4503599627370495"

// longest is a forge with the longest legal settings, and the longest legal claims.
func longest(t *testing.T) (*forge, token.Claims) {
	t.Helper()
	f := newForge(t)
	s := settings()
	s.Issuer, s.Audience = strings.Repeat("i", 128), strings.Repeat("a", 16)
	if errs := s.Check(); errs != nil {
		t.Fatal(errs)
	}
	ring := f.ring(t)
	var err error
	if f.issuer, err = token.NewIssuer(ring, s); err != nil {
		t.Fatal(err)
	}
	if f.verifier, err = token.NewVerifier(ring, s); err != nil {
		t.Fatal(err)
	}
	extra, err := token.CheckExtra(extraOf(512))
	if err != nil {
		t.Fatal(err)
	}
	if len(extra) != token.MaxExtra {
		t.Fatalf("the operator's claims have %d bytes", len(extra))
	}
	tenant := uuid.UUID(slices.Repeat([]byte{0xff}, 16))
	return f, token.Claims{
		Subject: maxUserID, SessionID: tenant, Generation: 1<<53 - 1, TenantID: &tenant, Extra: extra,
		Proof:    &token.Proof{At: now, Methods: []string{"mfa", "otp", "pwd", "sms", "swk", "user"}},
		IssuedAt: now, ExpiresAt: now.Add(365 * 24 * time.Hour),
	}
}

func (f *forge) ring(t *testing.T) *token.Keyring {
	t.Helper()
	ring, err := token.NewKeyring(pkcs8(t, f.key))
	if err != nil {
		t.Fatal(err)
	}

	return ring
}

// extraOf is an object of n bytes.
func extraOf(n int) json.RawMessage {
	return json.RawMessage(`{"x":"` + strings.Repeat("x", n-len(`{"x":""}`)) + `"}`)
}

// A phone's secure store holds little, and a header line must not burst.
func TestSEC31_longestLegalTokensStayWithinTheirSizes(t *testing.T) {
	t.Parallel()
	f, c := longest(t)
	access, err := f.issuer.Access(c, now)
	if err != nil {
		t.Fatal(err)
	}
	refresh, err := f.issuer.Refresh(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("access %d bytes, refresh %d bytes", len(access), len(refresh))
	if len(access) > 1536 || len(refresh) > 672 {
		t.Errorf("access %d bytes, 1536 are the most; refresh %d bytes, 672 are the most", len(access), len(refresh))
	}
	for use, compact := range map[token.Use]string{token.Access: access, token.Refresh: refresh} {
		if got := f.accepts(t, compact, use); got.Subject != c.Subject || got.SessionID != c.SessionID || got.Generation != c.Generation {
			t.Errorf("%s: came back as %+v", use, got)
		}
	}
}

// What a subject has beyond 16 characters is taken off issuer and audience: tokens of the longest pair
// that CheckSubjects admits stay within their sizes, and one more byte is refused by it.
func TestSEC31_longSubjectsLeaveLessForIssuerAndAudience(t *testing.T) {
	t.Parallel()

	for name, length := range map[string]int{"int31": 10, "int52": 16, "int63": 19, "text": 26, "uuid": 36, "the longest": 64} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, c := longest(t)
			c.Subject = strings.Repeat("x", length)

			s := settings()
			s.Audience = strings.Repeat("a", 16)
			s.Issuer = strings.Repeat("i", 128-max(length-16, 0))
			if err := s.CheckSubjects(length); err != nil {
				t.Fatal(err)
			}

			issuer, err := token.NewIssuer(f.ring(t), s)
			if err != nil {
				t.Fatal(err)
			}
			access, err := issuer.Access(c, now)
			if err != nil {
				t.Error(err)
			}
			refresh, err := issuer.Refresh(c)
			if err != nil {
				t.Error(err)
			}
			if len(access) > 1536 || len(refresh) > 672 {
				t.Errorf("access %d bytes, refresh %d bytes", len(access), len(refresh))
			}

			s.Issuer += "i"
			if err := s.CheckSubjects(length); err == nil {
				t.Errorf("an issuer of %d characters is accepted", len(s.Issuer))
			}
		})
	}
}

func TestSEC31_largerTokenIsNotIssued(t *testing.T) {
	t.Parallel()
	f, c := longest(t)
	c.Extra = extraOf(1000) // nobody may pass CheckExtra by
	if compact, err := f.issuer.Access(c, now); err == nil {
		t.Errorf("issued a token of %d bytes", len(compact))
	}
}

func TestSEC01_headerIsExactlyAlgKidTyp(t *testing.T) {
	t.Parallel()
	f, c := longest(t)
	access, err := f.issuer.Access(c, now)
	if err != nil {
		t.Fatal(err)
	}
	refresh, err := f.issuer.Refresh(c)
	if err != nil {
		t.Fatal(err)
	}
	for use, compact := range map[token.Use]string{token.Access: access, token.Refresh: refresh} {
		// Secret scanners and people know a token by its first characters.
		if !strings.HasPrefix(compact, "eyJhbGciOiJFUzI1NiIs") {
			t.Errorf("%s starts with %s", use, compact[:20])
		}
		if header, _, _ := strings.Cut(compact, "."); header != b64(f.header(use)) {
			t.Errorf("%s: header %s, want %s", use, header, f.header(use))
		}
	}
}

func TestSEC02_claimsAreExactlyOurs(t *testing.T) {
	t.Parallel()
	f, c := longest(t)
	c.Extra = json.RawMessage(`{"role":"x"}`)
	for _, row := range []struct {
		name string
		drop func(*token.Claims)
		want string
	}{
		{"full", func(*token.Claims) {}, "amr aud auth_time exp gen iat iss jti role sid sub tenant_id token_use"},
		{"no known proof", func(c *token.Claims) { c.Proof = nil }, "aud exp gen iat iss jti role sid sub tenant_id token_use"},
		{"a proof that RFC 8176 has no word for", func(c *token.Claims) { c.Proof = &token.Proof{At: now} }, "aud auth_time exp gen iat iss jti role sid sub tenant_id token_use"},
		{"no tenant", func(c *token.Claims) { c.TenantID = nil }, "amr aud auth_time exp gen iat iss jti role sid sub token_use"},
		{"no operator's claims", func(c *token.Claims) { c.Extra = nil }, "amr aud auth_time exp gen iat iss jti sid sub tenant_id token_use"},
		{"empty operator's claims", func(c *token.Claims) { c.Extra = json.RawMessage(`{}`) }, "amr aud auth_time exp gen iat iss jti sid sub tenant_id token_use"},
	} {
		given := c
		row.drop(&given)
		compact, err := f.issuer.Access(given, now)
		if err != nil {
			t.Fatal(err)
		}
		f.accepts(t, compact, token.Access)
		got := claimsOf(t, compact)
		if names := strings.Join(slices.Sorted(maps.Keys(got)), " "); names != row.want {
			t.Errorf("%s: %s, want %s", row.name, names, row.want)
		}
		if got["exp"].(float64)-got["iat"].(float64) != 300 || got["iat"].(float64) != float64(now.Unix()) {
			t.Errorf("%s: iat %v, exp %v", row.name, got["iat"], got["exp"])
		}
		if got["sub"] != "4503599627370495" || got["token_use"] != "access" || got["aud"] != strings.Repeat("a", 16) {
			t.Errorf("%s: sub %v, token_use %v, aud %v", row.name, got["sub"], got["token_use"], got["aud"])
		}
		if at := got["auth_time"]; at != nil && at != float64(now.Unix()) {
			t.Errorf("%s: auth_time %v", row.name, at)
		}
	}
}

// What could change between a rotation and its replay must not stand in it.
func TestSEC02_refreshTokenCarriesNeitherTenantNorProofsNorOperatorClaims(t *testing.T) {
	t.Parallel()
	f, c := longest(t)
	compact, err := f.issuer.Refresh(c)
	if err != nil {
		t.Fatal(err)
	}
	if names := strings.Join(slices.Sorted(maps.Keys(claimsOf(t, compact))), " "); names != "aud exp gen iat iss jti sid sub token_use" {
		t.Error(names)
	}
}

func TestRefresh_sameGenerationHasEqualClaims(t *testing.T) {
	t.Parallel()
	f, c := longest(t)
	first, err := f.issuer.Refresh(c)
	if err != nil {
		t.Fatal(err)
	}
	again := c
	again.ID, again.TenantID, again.Extra = "ignored", nil, extraOf(40)
	again.Proof = &token.Proof{At: now.Add(time.Hour), Methods: []string{"pwd"}}
	second, err := f.issuer.Refresh(again)
	if err != nil {
		t.Fatal(err)
	}
	if unsigned(first) != unsigned(second) {
		t.Errorf("two tokens of one generation:\n%v\n%v", claimsOf(t, first), claimsOf(t, second))
	}
	f.accepts(t, second, token.Refresh)
}

func TestRefreshID_isOneForEachSessionAndGeneration(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for session := range byte(10) {
		for generation := int64(1); generation <= 200; generation++ {
			id := token.RefreshID(uuid.UUID{session}, generation)
			if len(id) != 22 || seen[id] || id != token.RefreshID(uuid.UUID{session}, generation) {
				t.Fatalf("session %d, generation %d: %q", session, generation, id)
			}
			seen[id] = true
		}
	}
}

func TestAccess_idsDiffer(t *testing.T) {
	t.Parallel()
	f, c := longest(t)
	seen := map[any]bool{}
	for range 100 {
		compact, err := f.issuer.Access(c, now)
		if err != nil {
			t.Fatal(err)
		}
		seen[claimsOf(t, compact)["jti"]] = true
	}
	if len(seen) != 100 {
		t.Errorf("%d different jti in 100 tokens", len(seen))
	}
}

// Times are cut to seconds, both the same way: a token must not come out with a
// lifetime that its own verifier refuses.
func TestAccess_issuedWithinASecondIsAccepted(t *testing.T) {
	t.Parallel()
	f, c := longest(t)
	for _, part := range []time.Duration{0, 1, 499_999_999, 500_000_000, 999_999_999} {
		compact, err := f.issuer.Access(c, now.Add(part))
		if err != nil {
			t.Fatal(err)
		}
		f.accepts(t, compact, token.Access)
	}
}

func TestCheckExtra_takesSmallObjects(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		``: ``, `null`: ``, `{}`: `{}`, ` { "b" : 1 , "a" : [ 1, {"c":null} ] } `: `{"a":[1,{"c":null}],"b":1}`,
		`{"big":12345678901234567890123456789}`: `{"big":12345678901234567890123456789}`,
		`{"n":9007199254740993}`:                `{"n":9007199254740993}`, // a float64 would make it …992
		`{"n":1.10}`:                            `{"n":1.10}`,
		`{"n":-0.0e5}`:                          `{"n":-0.0e5}`,
		`{"Role":"a","x":true}`:                 `{"Role":"a","x":true}`,
		string(extraOf(512)):                    string(extraOf(512)),
	} {
		got, err := token.CheckExtra(json.RawMessage(raw))
		if err != nil || string(got) != want {
			t.Errorf("%s: got %s, %v; want %s", raw, got, err, want)
		}
	}
}

func TestCheckExtra_refusesWhatATokenCannotHold(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		`[]`, `["a"]`, `"a"`, `1`, `true`, `{`, `{}x`, `{"a":1,"a":2}`, `{"a":1,"A":2}`, "{\"a\":\"\xff\"}", `{"a":"\u0000"}`, `{"a":"\ud800"}`,
		`{"a":[[[1]]]}`, string(extraOf(513)), `{"a":` + strings.Repeat("9", 600) + `}`,
		`{"a":"` + strings.Repeat("<", 100) + `"}`, // 100 bytes that stand in the token as 600
	} {
		if got, err := token.CheckExtra(json.RawMessage(raw)); err == nil {
			t.Errorf("%s: got %s, want an error", raw, got)
		}
	}
}

// In any case: our own gate refuses a token with sub and Sub (SEC-07), so a name that
// slipped through here would lock out every user of that operator.
func TestCheckExtra_refusesReservedNames(t *testing.T) {
	t.Parallel()
	for _, name := range strings.Fields("aud exp gen iat iss jti sid sub tenant_id token_use nbf cnf act client_id auth_time amr acr") {
		for _, spelled := range []string{name, strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:]} {
			if got, err := token.CheckExtra(json.RawMessage(`{"` + spelled + `":1}`)); err == nil {
				t.Errorf("%s: got %s, want an error", spelled, got)
			}
		}
	}
}

func TestAccess_carriesOperatorClaimsAsChecked(t *testing.T) {
	t.Parallel()
	f, c := longest(t)
	var err error
	if c.Extra, err = token.CheckExtra(json.RawMessage(`{"roles":["a","b"],"nested":{"a":{"b":1}},"html":"<&>"}`)); err != nil {
		t.Fatal(err)
	}
	compact, err := f.issuer.Access(c, now)
	if err != nil {
		t.Fatal(err)
	}
	f.accepts(t, compact, token.Access)
	got := claimsOf(t, compact)
	if !reflect.DeepEqual(got["roles"], []any{"a", "b"}) || got["html"] != "<&>" || got["sub"] != "4503599627370495" {
		t.Errorf("%v", got)
	}
}
