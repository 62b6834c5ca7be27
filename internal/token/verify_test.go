package token_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/token"
)

// A token has exactly one spelling: no character of it can be exchanged, left out or
// doubled. Deny-lists and logs may then speak of "the" token.
func TestSEC03_everyCharacterCounts(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	for _, use := range bothUses {
		good := f.good(use)
		f.accepts(t, good, use)
		for i := range good {
			other := "A"
			if good[i] == 'A' {
				other = "B"
			}
			f.refuses(t, good[:i]+other+good[i+1:], use)
			f.refuses(t, good[:i]+good[i+1:], use)
			f.refuses(t, good[:i]+good[i:i+1]+good[i:], use)
		}
	}
}

func TestSEC04_theAlgorithmIsNotNegotiated(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	for _, use := range bothUses {
		for _, alg := range []string{"none", "HS256", "HS512", "RS256", "PS256", "ES384", "ES512", "ES256K", "EdDSA", "es256", "ES256\u0000"} {
			f.refuses(t, f.compact(f.headerWith(use, "ES256", alg), claims(use)), use)
		}
	}
}

// Each header is signed with our key and right but for the member more.
func TestSEC05_headerWithAnotherMemberIsRefused(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	for _, use := range bothUses {
		for _, member := range []string{
			`"crit":[]`, `"crit":["x"]`, `"jwk":{}`, `"jku":"https://example.test"`, `"x5u":"https://example.test"`, `"x5c":[]`, `"x5t":""`, `"x5t#S256":""`,
			`"b64":true`, `"b64":false`, `"zip":"DEF"`, `"cty":"JWT"`, `"enc":"A256GCM"`, `"x":1`, `"":null`,
		} {
			f.refuses(t, f.compact(f.headerWith(use, `}`, `,`+member+`}`), claims(use)), use)
			f.refuses(t, f.compact(f.headerWith(use, `{`, `{`+member+`,`), claims(use)), use)
		}
	}
}

func TestSEC05_keyIsFoundByItsExactNameAlone(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	for _, kid := range []string{"", f.kid[1:], f.kid[:42], f.kid + "A", " " + f.kid, strings.ToUpper(f.kid), strings.Repeat("A", 43)} {
		f.refuses(t, f.compact(f.headerWith(token.Access, f.kid, kid), claims(token.Access)), token.Access)
	}
}

// Else anybody could make us read the key file, once every half minute for ever.
func TestSEC05_malformedKeyNameNeverReachesTheKeySource(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	text, reads := pkcs8(t, f.key), 0
	ring, err := token.NewKeyring(text)
	if err != nil {
		t.Fatal(err)
	}
	ring.Follow(func() (string, error) { reads++; return text, nil }, func() time.Time { return now })
	if f.verifier, err = token.NewVerifier(ring, settings()); err != nil {
		t.Fatal(err)
	}
	for _, kid := range []string{"", "../../key", "a b", "a'--", "ä", strings.Repeat("k", 65), `\n` + f.kid, f.kid + `\n`} {
		f.refuses(t, f.compact(f.headerWith(token.Access, f.kid, kid), claims(token.Access)), token.Access)
	}
	if reads != 0 {
		t.Errorf("the keys were read %d times", reads)
	}
	f.refuses(t, f.compact(f.headerWith(token.Access, f.kid, strings.Repeat("k", 64)), claims(token.Access)), token.Access)
	if reads != 1 {
		t.Errorf("the keys were read %d times for a kid that could be new", reads)
	}
}

// Nothing of a right signature may be wrong, and numbers outside 1..n-1 never reach
// the curve's arithmetic: r=s=0 was once taken for every message (CVE-2022-21449).
func TestSEC06_signatureHalvesLieInRange(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	good := f.signature(f.key, unsigned(f.good(token.Access)))
	zero, most := make([]byte, 32), slices.Repeat([]byte{0xff}, 32)
	for _, bad := range [][]byte{zero, order(0), order(1), most} {
		f.refuses(t, f.stolen(token.Access, slices.Concat(bad, good[32:])), token.Access)
		f.refuses(t, f.stolen(token.Access, slices.Concat(good[:32], bad)), token.Access)
		f.refuses(t, f.stolen(token.Access, slices.Concat(bad, bad)), token.Access)
	}
}

func TestSEC07_nestedDeeperThanFourIsRefused(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	for _, use := range bothUses {
		with := func(x string) string { return f.compact(f.header(use), f.claimsWith(use, `"gen":7`, `"gen":7,"x":`+x)) }
		f.accepts(t, with(`[[[1]]]`), use)
		f.accepts(t, with(`{"a":{"a":{"a":1}}}`), use)
		f.accepts(t, with(`[[[]]]`), use)
		f.refuses(t, with(`[[[[1]]]]`), use)
		f.refuses(t, with(`[[[[]]]]`), use)
		f.refuses(t, with(`{"a":{"a":{"a":{}}}}`), use)
	}
}

func TestSEC08_accessTokenIsJudgedByTheClock(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	compact, err := f.issuer.Access(token.Claims{Subject: "1", SessionID: uuid.UUID{1}, Generation: 1}, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		at     time.Duration
		accept bool
	}{
		{"121 s before it was issued", -121 * time.Second, false},
		{"a nanosecond too early", -120*time.Second - 1, false},
		{"120 s before it was issued", -120 * time.Second, true},
		{"when it was issued", 0, true},
		{"a nanosecond before it expires", 300*time.Second - 1, true},
		{"when it expires", 300 * time.Second, false},
		{"later", 301 * time.Second, false},
	} {
		if _, err := f.verifier.Access(compact, now.Add(c.at)); (err == nil) != c.accept {
			t.Errorf("%s: got error %v, want accept %v", c.name, err, c.accept)
		}
	}
}

// A lowered lifetime holds for the tokens that are about already.
func TestSEC08_tokenThatLivesLongerThanConfiguredIsRefused(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	f.accepts(t, f.good(token.Access), token.Access)
	f.refuses(t, f.compact(f.header(token.Access), f.claimsWith(token.Access, goodExp, `"exp":1800000301`)), token.Access)
	f.refuses(t, f.compact(f.header(token.Access), f.claimsWith(token.Access, goodIat, `"iat":1799999999`)), token.Access)
}

// The session's row decides: an honest phone whose last answer was lost may come back
// with a predecessor that is past its own exp.
func TestSEC08_refreshTokenIsNotJudgedByTheClock(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	for name, times := range map[string][2]time.Time{
		"long past":     {time.Unix(1, 0), time.Unix(2, 0)},
		"in the future": {now.Add(1000 * time.Hour), now.Add(2000 * time.Hour)},
		"ten years":     {now, now.Add(10 * 365 * 24 * time.Hour)},
	} {
		compact, err := f.issuer.Refresh(token.Claims{Subject: "1", SessionID: uuid.UUID{1}, Generation: 1, IssuedAt: times[0], ExpiresAt: times[1]})
		if err != nil {
			t.Fatal(err)
		}
		c := f.accepts(t, compact, token.Refresh)
		if !c.IssuedAt.Equal(times[0]) || !c.ExpiresAt.Equal(times[1]) {
			t.Errorf("%s: times came back as %v and %v", name, c.IssuedAt, c.ExpiresAt)
		}
	}
}

func TestSEC09_accessAndRefreshTokensAreMutuallyRefused(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	c := token.Claims{Subject: "1", SessionID: uuid.UUID{1}, Generation: 1, IssuedAt: now, ExpiresAt: now.Add(time.Minute)}
	access, err := f.issuer.Access(c, now)
	if err != nil {
		t.Fatal(err)
	}
	refresh, err := f.issuer.Refresh(c)
	if err != nil {
		t.Fatal(err)
	}
	f.accepts(t, access, token.Access)
	f.accepts(t, refresh, token.Refresh)
	f.refuses(t, access, token.Refresh)
	f.refuses(t, refresh, token.Access)
	// Either mark alone is enough to refuse.
	f.refuses(t, f.compact(f.header(token.Access), claims(token.Refresh)), token.Access)
	f.refuses(t, f.compact(f.header(token.Access), claims(token.Refresh)), token.Refresh)
	f.refuses(t, f.compact(f.header(token.Refresh), claims(token.Access)), token.Access)
	f.refuses(t, f.compact(f.header(token.Refresh), claims(token.Access)), token.Refresh)
}

func TestSEC10_issuerAndAudienceAreExact(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	ring, err := token.NewKeyring(pkcs8(t, f.key))
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range []func(*token.Settings){
		func(s *token.Settings) { s.Issuer += "/" },
		func(s *token.Settings) { s.Issuer = strings.ToUpper(s.Issuer) },
		func(s *token.Settings) { s.Audience += "s" },
		func(s *token.Settings) { s.Audience = strings.ToUpper(s.Audience) },
		func(s *token.Settings) { s.Issuer, s.Audience = s.Audience, s.Issuer },
	} {
		theirs := settings()
		change(&theirs)
		v, err := token.NewVerifier(ring, theirs)
		if err != nil {
			t.Fatal(err)
		}
		other := *f
		other.verifier = v
		for _, use := range bothUses {
			f.accepts(t, f.good(use), use)
			other.refuses(t, f.good(use), use)
		}
	}
}

func TestVerify_returnsWhatTheTokenSays(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	sid := uuid.UUID(slices.Repeat([]byte{1}, 16))
	for _, use := range bothUses {
		compact := f.good(use)
		for range 2 { // the second time an access token is remembered
			c := f.accepts(t, compact, use)
			if c.Subject != "4503599627370495" || c.SessionID != sid || c.Generation != 7 || c.ID != strings.Repeat("A", 22) ||
				!c.IssuedAt.Equal(now) || !c.ExpiresAt.Equal(now.Add(5*time.Minute)) {
				t.Errorf("%s: %+v", use, c)
			}
		}
	}
}

// What this process has signed is known when it is shown first, and says what a verifier reads that does not know it.
// It is good for nothing else than any other token.
func TestVerify_ofWhatWasSignedHere(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	stranger, err := token.NewVerifier(f.ring(t), settings())
	if err != nil {
		t.Fatal(err)
	}
	f.issuer.RememberIn(f.verifier)
	said := token.Claims{
		Subject: "4503599627370495", SessionID: uuid.UUID{1, 2, 3}, Generation: 7, TenantID: &uuid.UUID{4}, Extra: extraOf(20),
		Proof: &token.Proof{At: now, Methods: []string{"pwd"}}, IssuedAt: now.Add(400 * time.Millisecond), ExpiresAt: now.Add(time.Hour),
	}

	for _, use := range bothUses {
		var compact string
		if use == token.Access {
			compact, err = f.issuer.Access(said, now)
		} else {
			compact, err = f.issuer.Refresh(said)
		}
		if err != nil {
			t.Fatal(err)
		}

		first := f.accepts(t, compact, use)
		read := *f
		read.verifier = stranger
		if other := read.accepts(t, compact, use); !reflect.DeepEqual(first, other) {
			t.Errorf("%s: known here it says %+v, to another process %+v", use, first, other)
		}
		for _, otherUse := range bothUses {
			if otherUse != use {
				f.refuses(t, compact, otherUse)
			}
		}

		changed := compact[:len(compact)-10] + "AAAA" + compact[len(compact)-6:]
		f.refuses(t, changed, use)
	}
}

// A stolen key is taken out of the file: what it signed must not live on in a memory.
func TestSEC14_removedKeyVerifiesNoMore(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	ours := pkcs8(t, f.key)
	text := ours
	ring, err := token.NewKeyring(text)
	if err != nil {
		t.Fatal(err)
	}
	ring.Follow(func() (string, error) { return text, nil }, func() time.Time { return now })
	if f.verifier, err = token.NewVerifier(ring, settings()); err != nil {
		t.Fatal(err)
	}
	if f.issuer, err = token.NewIssuer(ring, settings()); err != nil {
		t.Fatal(err)
	}
	f.issuer.RememberIn(f.verifier)
	said := token.Claims{Subject: "1", SessionID: uuid.UUID{1}, Generation: 7, IssuedAt: now, ExpiresAt: now.Add(time.Hour)}
	access, refresh := f.good(token.Access), f.good(token.Refresh)
	made, err := f.issuer.Access(said, now)
	if err != nil {
		t.Fatal(err)
	}
	madeRefresh, err := f.issuer.Refresh(said)
	if err != nil {
		t.Fatal(err)
	}
	f.accepts(t, access, token.Access)
	f.accepts(t, refresh, token.Refresh)
	for _, replaced := range []bool{true, false} {
		text = ours
		if replaced {
			text = pkcs8(t, f.attackerKey())
		}
		if err := ring.Reload(); err != nil {
			t.Fatal(err)
		}
		if replaced {
			f.refuses(t, access, token.Access)
			f.refuses(t, refresh, token.Refresh)
			f.refuses(t, made, token.Access)
			f.refuses(t, madeRefresh, token.Refresh)
			continue
		}
		f.accepts(t, access, token.Access) // put back, it is as good as before
		f.accepts(t, refresh, token.Refresh)
	}
}

// sub is always text, and any text that a subject can be.
func TestVerify_theSubjectIsTextOfTheAllowedCharacters(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	const good = `"sub":"4503599627370495"`

	for sub, accepted := range map[string]bool{
		"1": true, "9223372036854775807": true, "6f1c2a52-9a3e-4a0e-9d56-0b1d2f3e4a5b": true, "ABCDEFGHIJKLMNOPQRSTUVWXYZ": true, "a_b": true,
		strings.Repeat("x", 64): true,

		"": false, "0": false, "007": false, "9223372036854775808": false, "-1": false, "1_000": false, "a b": false, "a.b": false, "é": false,
		strings.Repeat("x", 65): false,
	} {
		for _, use := range bothUses {
			compact := f.compact(f.header(use), f.claimsWith(use, good, `"sub":"`+sub+`"`))
			if !accepted {
				f.refuses(t, compact, use)
				continue
			}
			for range 2 { // the second time from the memory for signatures
				if got := f.accepts(t, compact, use); got.Subject != sub {
					t.Errorf("%s: got %q, want %q", use, got.Subject, sub)
				}
			}
		}
	}
}
