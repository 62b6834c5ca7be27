package provider_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/provider"
)

func TestVerify_takesGoodTokensOfAllKinds(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	id, err := f.google(compact(rsHeader, googleClaims))
	want := provider.Identity{
		Provider: "google", UID: "110169484474386276334", ClientID: "client.example", Email: "ann@gmail.com", EmailVerified: true, Authoritative: true,
		GivenName: "Ann", FamilyName: "Lee", Name: "Ann Lee", ExpiresAt: start.Add(11 * time.Minute), IssuedAt: start, HasNonce: true, Nonce: "n-0S6_WzA2Mj", Digest: id.Digest,
	}
	if err != nil || fmt.Sprint(id) != fmt.Sprint(want) || len(id.Digest) != sha256.Size {
		t.Errorf("google: %+v, %v", id, err)
	}
	id, err = f.apple(compact(`{"kid":"k1","alg":"RS256"}`, appleClaims))
	if err != nil || id.Provider != "apple" || id.ClientID != "com.example.app" || !id.EmailVerified || !id.Authoritative || !id.ExpiresAt.Equal(start.Add(11*time.Minute)) {
		t.Errorf("apple: %+v, %v", id, err)
	}
	for name, token := range map[string]string{
		"RS256": compact(rsHeader, oidcClaims),
		"ES256": signedBy(`{"alg":"ES256","kid":"e1"}`, oidcClaims, func(text string) []byte { return p1363(es256(ecKey(), text)) }),
		"EdDSA": signedBy(`{"alg":"EdDSA","kid":"d1","x5t":"abc"}`, oidcClaims, func(text string) []byte { return ed25519.Sign(ed25519Key(), []byte(text)) }),
	} {
		if id, err = f.oidc(token); err != nil || id.Provider != "corp" || id.UID != "u1" || !id.EmailVerified || id.Authoritative || id.HasNonce {
			t.Errorf("oidc %s: %+v, %v", name, id, err)
		}
	}
}

// T-IDT, SEC-67: what is refused, whoever signed it.
func TestTIDT_forgedTokens(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	good := compact(rsHeader, googleClaims)
	parts := strings.Split(good, ".")
	der := x509.MarshalPKCS1PublicKey(&rsaKey().PublicKey)
	pkix, _ := x509.MarshalPKIXPublicKey(&rsaKey().PublicKey)
	asPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkix})
	header := func(pairs ...string) string { return compact(with(t, rsHeader, pairs...), googleClaims) }
	claims := func(pairs ...string) string { return compact(rsHeader, with(t, googleClaims, pairs...)) }
	hs := func(key []byte) string {
		return signedBy(with(t, rsHeader, "RS256", "HS256"), googleClaims, func(text string) []byte { return hs256(key, text) })
	}
	rows := map[string]string{
		"empty": "", "dots": "..", "four dots": "....", "two parts": parts[0] + "." + parts[1], "no signature": parts[0] + "." + parts[1] + ".",
		"four parts": good + ".x", "five parts": good + ".x.y", "JSON serialisation": `{"payload":"` + parts[1] + `","signatures":[]}`,
		"too large": compact(rsHeader, filled(t, 12_300)), "a long text": compact(rsHeader, with(t, googleClaims, `"Ann Lee"`, `"`+strings.Repeat("A", 5000)+`"`)),
		"padding": good + "=", "blank before": " " + good, "line end after": good + "\n", "line end within": good[:20] + "\n" + good[20:],
		"standard base64": signed(strings.NewReplacer("-", "+", "_", "/").Replace(b64(rsHeader)) + "." + b64(googleClaims) + "+"),
		"stray bits":      parts[0] + "." + parts[1] + "." + stray(parts[2]),

		"alg none": b64(`{"alg":"none","kid":"k1"}`) + "." + b64(googleClaims) + ".", "alg none, signed": header("RS256", "none"), "alg None": header("RS256", "None"),
		"alg rs256": header("RS256", "rs256"), "alg missing": header(`"alg":"RS256",`, ""), "alg null": header(`"RS256"`, "null"), "alg a list": header(`"RS256"`, `["RS256"]`),
		"HS256 with the DER key": hs(der), "HS256 with the PEM key": hs(asPEM), "HS256 with the modulus": hs(rsaKey().N.Bytes()), "HS256 with nothing": hs(nil),
		"PS256":           signedBy(with(t, rsHeader, "RS256", "PS256"), googleClaims, func(text string) []byte { return ps256(rsaKey(), text) }),
		"PS256 as RS256":  signedBy(rsHeader, googleClaims, func(text string) []byte { return ps256(rsaKey(), text) }),
		"ES256":           signedBy(with(t, rsHeader, "RS256", "ES256"), googleClaims, func(text string) []byte { return p1363(es256(ecKey(), text)) }),
		"RS512":           header("RS256", "RS512"),
		"another's key":   signedBy(rsHeader, googleClaims, func(text string) []byte { return rs256(otherRSA(), text) }),
		"signature moved": parts[0] + "." + b64(with(t, googleClaims, "110169484474386276334", "110169484474386276335")) + "." + parts[2],
		"signature short": parts[0] + "." + parts[1] + "." + parts[2][:len(parts[2])-4],
		"signature zero":  parts[0] + "." + parts[1] + "." + b64(strings.Repeat("\x00", 256)),
		"signature long":  parts[0] + "." + parts[1] + "." + b64("\x00"+string(rs256(rsaKey(), parts[0]+"."+parts[1]))),

		"kid missing": header(`"kid":"k1",`, ""), "kid empty": header("k1", ""), "kid unknown": header("k1", "k2"), "kid in capitals": header("k1", "K1"), "kid a number": header(`"k1"`, "1"),
		"kid a path": header("k1", "../k1"), "kid with a blank": header("k1", "k1 "), "kid too long": header("k1", strings.Repeat("k", 257)),
		"typ at+jwt": header(`"JWT"`, `"at+jwt"`), "typ a number": header(`"JWT"`, `1`),
		"header twice alg": header(`"alg":"RS256"`, `"alg":"none","alg":"RS256"`), "header alg and ALG": header(`"alg":"RS256"`, `"ALG":"none","alg":"RS256"`),
		"header with more behind": header("}", "}{}"), "header a list": compact(`[]`, googleClaims), "header with BOM": compact("\ufeff"+rsHeader, googleClaims),

		"claims twice sub": claims(`"sub":`, `"sub":"victim","sub":`), "claims sub and SUB": claims(`"sub":`, `"SUB":"victim","sub":`), "claims escaped twice": claims(`"sub":`, `"\u0073ub":"victim","sub":`),
		"claims with more behind": claims(`1800003600}`, `1800003600}{}`), "claims with text behind": claims(`1800003600}`, `1800003600} x`), "claims null": compact(rsHeader, "null"), "claims a list": compact(rsHeader, "[]"),
		"claims with BOM": compact(rsHeader, "\ufeff"+googleClaims), "claims with bad UTF-8": claims("Ann Lee", "\xff"), "claims too deep": claims(`"Ann Lee"`, strings.Repeat("[", 9000)+strings.Repeat("]", 9000)),
		"claims with NUL": claims("Ann Lee", `\u0000`),

		"iss missing": claims(`"iss":"https://accounts.google.com",`, ""), "iss with slash": claims("accounts.google.com", "accounts.google.com/"), "iss http": claims("https://accounts", "http://accounts"),
		"iss Apple's": claims("https://accounts.google.com", "https://appleid.apple.com"), "iss in capitals": claims("accounts.google.com", "Accounts.google.com"), "iss a list": claims(`"https://accounts.google.com"`, `["https://accounts.google.com"]`),
		"aud another's": claims("client.example", "evil.example"), "aud missing": claims(`"aud":"client.example",`, ""), "aud empty": claims("client.example", ""), "aud a prefix": claims("client.example", "client.exampl"),
		"aud in capitals": claims("client.example", "CLIENT.example"), "aud Apple's": claims("client.example", "com.example.app"), "aud list without azp": claims(`"client.example"`, `["client.example","other.example"]`, `"azp":"android.example",`, ""),
		"aud list, azp another's": claims(`"client.example"`, `["client.example","evil.example"]`, "android.example", "evil.example"), "aud list, azp not in it": claims(`"client.example"`, `["evil.example"]`, "android.example", "client.example"),
		"aud list, empty": claims(`"client.example"`, `[]`, "android.example", "client.example"), "aud list of lists": claims(`"client.example"`, `[["client.example"]]`, "android.example", "client.example"), "aud with comma": claims(`"client.example"`, `"client.example,evil.example"`),

		"exp missing": claims(`,"exp":1800003600`, ""), "exp now": compact(rsHeader, with(t, googleClaims, `"iat":1800000000`, `"iat":1799999990`, "1800003600", "1800000000")),
		"exp past": compact(rsHeader, with(t, googleClaims, "1800003600", "1799999999", `"iat":1800000000`, `"iat":1799999990`)), "exp zero": claims("1800003600", "0"), "exp negative": claims("1800003600", "-1"),
		"exp null": claims("1800003600", "null"), "exp a string": claims("1800003600", `"1800003600"`), "exp a fraction": claims("1800003600", "1800003600.5"), "exp an exponent": claims("1800003600", "1.8e9"), "exp far": claims("1800003600", "99999999999999"),
		"exp 1e300": claims("1800003600", "1e300"), "exp before iat": claims("1800003600", "1800000030", `"iat":1800000000`, `"iat":1800000031`), "exp as iat": claims("1800003600", "1800000030", `"iat":1800000000`, `"iat":1800000030`),
		"iat missing": claims(`"iat":1800000000,`, ""), "iat 61 s ahead": claims(`"iat":1800000000`, `"iat":1800000061`), "iat 10 min 1 s old": claims(`"iat":1800000000`, `"iat":1799999399`), "iat 11 min old": claims(`"iat":1800000000`, `"iat":1799999340`),
		"iat a string": claims(`"iat":1800000000`, `"iat":"1800000000"`), "iat zero": claims(`"iat":1800000000`, `"iat":0`),
		"nbf ahead": claims(`"iat"`, `"nbf":1800000061,"iat"`), "nbf a string": claims(`"iat"`, `"nbf":"1","iat"`),

		"sub missing": claims(`"sub":"110169484474386276334",`, ""), "sub empty": claims("110169484474386276334", ""), "sub 256 long": claims("110169484474386276334", strings.Repeat("1", 256)), "sub a number": claims(`"110169484474386276334"`, "110169484474386276334"),
		"sub null": claims(`"110169484474386276334"`, "null"), "sub with a line end": claims("110169484474386276334", `1\n`), "sub not ASCII": claims("110169484474386276334", "１"),
		"email a list": claims(`"ann@gmail.com"`, `["ann@gmail.com"]`), "email too long": claims("ann@gmail.com", strings.Repeat("a", 320)+"@gmail.com"), "nonce a number": claims(`"n-0S6_WzA2Mj"`, "1"),
	}
	for _, verified := range []string{`"true"`, `"false"`, `"TRUE"`, `"True"`, `"yes"`, `""`, `1`, `0`, `[true]`, `{}`} {
		rows["email_verified "+verified] = claims(`"email_verified":true`, `"email_verified":`+verified)
	}
	for name, member := range map[string]string{
		"crit": `"crit":["exp"]`, "crit b64": `"crit":["b64"],"b64":false`, "b64": `"b64":true`, "jwk": `"jwk":` + rsaJWK(&otherRSA().PublicKey, "k1"), "jku": `"jku":"https://evil.example/keys"`, "x5u": `"x5u":"https://evil.example/c"`,
		"x5c": `"x5c":["AAAA"]`, "zip": `"zip":"DEF"`, "cty": `"cty":"JWT"`, "enc": `"enc":"A256GCM"`, "unknown": `"foo":"bar"`, "x5t no string": `"x5t":1`,
	} {
		rows["header "+name] = header(`"typ":"JWT"`, member)
		rows["header "+name+", another's key"] = signedBy(with(t, rsHeader, `"typ":"JWT"`, member), googleClaims, func(text string) []byte { return rs256(otherRSA(), text) })
	}
	for name, row := range rows {
		id, err := f.google(row)
		refused(t, name, err)
		if id.UID != "" || id.Email != "" {
			t.Errorf("%s: refused, and still %v", name, id)
		}
		if err != nil && err.Error() != provider.ErrInvalidToken.Error() { // a reason would be a hint
			t.Errorf("%s: %q", name, err)
		}
	}
	if _, err := f.google(good); err != nil { // else all rows might have failed for another reason
		t.Error(err)
	}
}

// filled are good claims and as many bytes more.
func filled(t *testing.T, bytes int) string {
	t.Helper()
	more := ""
	for n := 0; bytes > 0; n++ {
		member := fmt.Sprintf(`"x%d":"%s",`, n, strings.Repeat("A", min(bytes, 3000)))
		more, bytes = more+member, bytes-len(member)
	}
	return with(t, googleClaims, `"iat"`, more+`"iat"`)
}

// stray sets the last bits of base64url, which a lenient decoder ignores. 256 bytes are 342
// characters, the last of which has four of them to spare.
func stray(part string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, part[len(part)-1])
	return part[:len(part)-1] + string(alphabet[last|1])
}

func TestSEC67_edgesThatAreStillGood(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	for name, pairs := range map[string][]string{
		"iat 60 s ahead": {`"iat":1800000000`, `"iat":1800000060`}, "iat 10 min old": {`"iat":1800000000`, `"iat":1799999400`}, "exp in a second": {"1800003600", "1800000001"},
		"sub 255 long": {"110169484474386276334", strings.Repeat("1", 255)}, "nbf now": {`"iat"`, `"nbf":1800000060,"iat"`}, "iss without https": {"https://accounts.google.com", "accounts.google.com"},
		"no nonce": {`"nonce":"n-0S6_WzA2Mj",`, ""}, "no address": {`"email":"ann@gmail.com","email_verified":true,`, ""}, "names that are none": {`"Ann Lee"`, "7"},
		"large":       {`"iat":1800000000`, strings.TrimSuffix(strings.TrimPrefix(filled(t, 11_000), googleClaims[:strings.Index(googleClaims, `"iat"`)]), `,"exp":1800003600}`)},
		"more claims": {`"iat"`, `"realm":{"roles":["a","b"],"deep":{"x":[1]}},"iat"`}, "aud list with azp": {`"client.example"`, `["client.example","other.example"]`, "android.example", "client.example"},
	} {
		if _, err := f.google(compact(rsHeader, with(t, googleClaims, pairs...))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// SEC-71: used tokens are forgotten when nobody takes them any more, and not before: what was
// looked at in its last moment is used some seconds later, by a server with another clock.
func TestSEC71_aProviderTokenIsKnownForAsLongAsItIsTaken(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		iat, exp    string
		taken, kept time.Duration // from now
	}{
		"lives long":        {"1800000000", "1900000000", 10 * time.Minute, 11 * time.Minute},
		"lives an hour":     {"1800000000", "1800003600", 10 * time.Minute, 11 * time.Minute},
		"lives a minute":    {"1800000000", "1800000060", 59 * time.Second, 2 * time.Minute},
		"to the second":     {"1800000000", "1800000600", 599 * time.Second, 11 * time.Minute},
		"from the future":   {"1800000060", "1800003660", 11 * time.Minute, 12 * time.Minute},
		"is nearly old":     {"1799999400", "1800003600", 0, time.Minute},
		"is nearly expired": {"1799999500", "1800000001", 0, time.Minute + time.Second},
	} {
		f := newForge(t)
		token := compact(rsHeader, with(t, googleClaims, `"iat":1800000000,"exp":1800003600`, `"iat":`+row.iat+`,"exp":`+row.exp))
		id, err := f.google(token)
		if err != nil || !id.ExpiresAt.Equal(start.Add(row.kept)) {
			t.Errorf("%s: known until %v, %v", name, id.ExpiresAt, err)
		}
		f.clock.advance(row.taken)
		if id, err := f.google(token); err != nil || id.ExpiresAt.Sub(f.clock.now()) < time.Minute {
			t.Errorf("%s: at the edge known until %v, %v", name, id.ExpiresAt, err)
		}
		f.clock.advance(time.Second)
		_, err = f.google(token)
		refused(t, name, err)
	}
}

// SEC-68: two booleans, two strings, and nothing else.
func TestSEC68_applesBooleans(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	for text, verdict := range map[string]string{
		"true": "yes", `"true"`: "yes", "false": "no", `"false"`: "no",
		`"TRUE"`: "refused", `"True"`: "refused", `" true"`: "refused", `"1"`: "refused", "1": "refused", "0": "refused", "null": "no", `""`: "refused", "[]": "refused",
	} {
		for _, claim := range []string{`"email_verified":"true"`, `"is_private_email":"true"`} {
			name, _, _ := strings.Cut(claim, ":")
			id, err := f.apple(compact(rsHeader, with(t, appleClaims, claim, name+":"+text)))
			got := map[bool]string{true: "yes", false: "no"}[id.EmailVerified]
			if name == `"is_private_email"` && err == nil { // it says nothing about the address
				if got != "yes" {
					t.Errorf("%s: %s changes %v", name, text, id)
				}
				got = verdict
			}
			if errors.Is(err, provider.ErrInvalidToken) {
				got = "refused"
			}
			if got != verdict || got == "no" && name == `"email_verified"` && id.Authoritative {
				t.Errorf("%s: %s is %s, want %s", name, text, got, verdict)
			}
		}
	}
	for name, pairs := range map[string][]string{
		"slash": {"appleid.apple.com\"", "appleid.apple.com/\""}, "the old issuer": {"https://appleid.apple.com", "https://account.apple.com"}, "aud of neither": {`"com.example.app"`, `"com.example"`},
		"aud the list": {`"com.example.app"`, `"com.example.app,com.example.web"`},
	} {
		_, err := f.apple(compact(rsHeader, with(t, appleClaims, pairs...)))
		refused(t, name, err)
	}
	// The audience is which of the app's ids asked for the token.
	id, err := f.verify("apple", "com.example.app,com.example.web", compact(rsHeader, with(t, appleClaims, `"com.example.app"`, `"com.example.web"`)))
	if err != nil || id.ClientID != "com.example.web" {
		t.Errorf("%+v, %v", id, err)
	}
}

// SEC-72: who may say whose an address is.
func TestSEC72_authority(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	for email, want := range map[string]bool{
		"ann@gmail.com": true, "Ann@GMAIL.com": true, "ann@googlemail.com": true, "ann@corp.example": false, "ann@gmail.com.evil.example": false, "ann@evil-gmail.com": false,
		"gmail.com": false, "ann@evil@gmail.com": false, "ann@gmail.com@evil.example": false, "": false,
	} {
		id, err := f.google(compact(rsHeader, with(t, googleClaims, "ann@gmail.com", email)))
		if err != nil || id.Authoritative != want {
			t.Errorf("%s: %v, %v", email, id.Authoritative, err)
		}
	}
	for email, want := range map[string]bool{
		"x1@privaterelay.appleid.com": true, "ann@icloud.com": true, "Ann@ICLOUD.com": true, "ann@me.com": true, "ann@mac.com": true,
		"ann@corp.example": false, "ann@gmail.com": false, "ann@apple.com": false, "ann@icloud.com.evil.example": false, "ann@evil-icloud.com": false,
		"icloud.com": false, "ann@evil@icloud.com": false, "ann@icloud.com@evil.example": false,
	} {
		id, err := f.apple(compact(rsHeader, with(t, appleClaims, "x1@privaterelay.appleid.com", email)))
		if err != nil || id.Authoritative != want || !id.EmailVerified {
			t.Errorf("Apple, %s: %+v, %v, want authority %v", email, id, err, want)
		}
	}
	for name, row := range map[string]struct {
		pairs []string
		want  bool
	}{
		"hd":               {[]string{"ann@gmail.com", "ann@corp.example", `"iat"`, `"hd":"corp.example","iat"`}, true},
		"hd empty":         {[]string{"ann@gmail.com", "ann@corp.example", `"iat"`, `"hd":"","iat"`}, false},
		"hd no string":     {[]string{"ann@gmail.com", "ann@corp.example", `"iat"`, `"hd":true,"iat"`}, false},
		"unverified":       {[]string{`"email_verified":true`, `"email_verified":false`}, false},
		"nothing said":     {[]string{`"email_verified":true,`, ""}, false},
		"verified nothing": {[]string{`"email":"ann@gmail.com",`, ""}, false},
	} {
		id, err := f.google(compact(rsHeader, with(t, googleClaims, row.pairs...)))
		if err != nil || id.Authoritative != row.want || id.Authoritative && !id.EmailVerified {
			t.Errorf("%s: %+v, %v", name, id, err)
		}
	}
	for provider, want := range map[string]bool{"corp": false, "shown": true} {
		id, err := f.verify(provider, "oidc.example", compact(rsHeader, oidcClaims))
		if err != nil || !id.EmailVerified || id.Authoritative != want {
			t.Errorf("%s: %+v, %v", provider, id, err)
		}
		id, err = f.verify(provider, "oidc.example", compact(rsHeader, with(t, oidcClaims, `"email_verified":true`, `"email_verified":false`)))
		if err != nil || id.EmailVerified || id.Authoritative {
			t.Errorf("%s, unverified: %+v, %v", provider, id, err)
		}
	}
}

// SEC-69: hd restricts, and does nothing else.
func TestSEC69_hostedDomain(t *testing.T) {
	t.Parallel()
	f := newForge(t, `"hosted_domain":["corp.example","Other.example"]`)
	for hd, want := range map[string]bool{`"corp.example"`: true, `"CORP.example"`: true, `"other.example"`: true, `"evil.example"`: false, `""`: false, `null`: false, `["corp.example"]`: false} {
		_, err := f.google(compact(rsHeader, with(t, googleClaims, `"iat"`, `"hd":`+hd+`,"iat"`)))
		if want != (err == nil) || !want && !errors.Is(err, provider.ErrInvalidToken) {
			t.Errorf("%s: %v", hd, err)
		}
	}
	_, err := f.google(compact(rsHeader, googleClaims))
	refused(t, "no hd", err)
}

// A key that names one algorithm takes no other, and a type of key no other's.
func TestSEC04_algorithmIsTheKeys(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	ec := func(text string) []byte { return p1363(es256(ecKey(), text)) }
	for name, token := range map[string]string{
		"RS256, and PS256 said":   signedBy(`{"alg":"PS256","kid":"k1"}`, oidcClaims, func(text string) []byte { return rs256(rsaKey(), text) }),
		"PS256 by an RS256 key":   signedBy(`{"alg":"PS256","kid":"k1"}`, oidcClaims, func(text string) []byte { return ps256(rsaKey(), text) }),
		"ES256 under an RSA kid":  signedBy(`{"alg":"ES256","kid":"k1"}`, oidcClaims, ec),
		"RS256 under an EC kid":   signedBy(`{"alg":"RS256","kid":"e1"}`, oidcClaims, func(text string) []byte { return rs256(rsaKey(), text) }),
		"EdDSA under an EC kid":   signedBy(`{"alg":"EdDSA","kid":"e1"}`, oidcClaims, func(text string) []byte { return ed25519.Sign(ed25519Key(), []byte(text)) }),
		"HS256 under an EdDSA":    signedBy(`{"alg":"HS256","kid":"d1"}`, oidcClaims, func(text string) []byte { return hs256(ed25519Key().Public().(ed25519.PublicKey), text) }),
		"ES256K":                  signedBy(`{"alg":"ES256K","kid":"e1"}`, oidcClaims, ec),
		"ES256 as ASN.1":          signedBy(`{"alg":"ES256","kid":"e1"}`, oidcClaims, asn1Signature),
		"ES256 of zeros":          signedBy(`{"alg":"ES256","kid":"e1"}`, oidcClaims, func(string) []byte { return make([]byte, 64) }),
		"ES256 longer by nothing": signedBy(`{"alg":"ES256","kid":"e1"}`, oidcClaims, func(text string) []byte { return append(ec(text), 0) }),
	} {
		_, err := f.oidc(token)
		refused(t, name, err)
	}
}

func asn1Signature(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	signature, _ := ecKey().Sign(rand.Reader, sum[:], crypto.SHA256)
	return signature
}

// SEC-71: whoever saw an ES256 token can make another of it, with n-s for s.
func TestSEC71_digestIsThatOfWhatWasSigned(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	text := b64(`{"alg":"ES256","kid":"e1"}`) + "." + b64(oidcClaims)
	r, s := es256(ecKey(), text)
	other := new(big.Int).Sub(ecKey().Params().N, s)
	one, err1 := f.oidc(text + "." + b64(string(p1363(r, s))))
	two, err2 := f.oidc(text + "." + b64(string(p1363(r, other))))
	if err1 != nil || err2 != nil || !bytes.Equal(one.Digest, two.Digest) {
		t.Errorf("%x, %v; %x, %v", one.Digest, err1, two.Digest, err2)
	}
	three, err := f.oidc(compact(rsHeader, oidcClaims))
	if err != nil || bytes.Equal(one.Digest, three.Digest) {
		t.Errorf("%x, %v", three.Digest, err)
	}
}

func TestSEC70_nonce(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	raw := provider.NewNonce()
	for n, form := range provider.NonceForms(raw) {
		token := compact(rsHeader, with(t, googleClaims, "n-0S6_WzA2Mj", form))
		for nonce, want := range map[string]bool{"": true, raw: true, raw + "x": false, provider.NewNonce(): false, form: true} {
			_, err := f.providers.Verify(context.Background(), provider.Token{Provider: "google", ClientID: "client.example", IDToken: token, Nonce: nonce})
			if want != (err == nil) || !want && !errors.Is(err, provider.ErrInvalidToken) {
				t.Errorf("form %d, nonce %q: %v", n, nonce, err)
			}
		}
	}
	none := compact(rsHeader, with(t, googleClaims, `"nonce":"n-0S6_WzA2Mj",`, ""))
	_, err := f.providers.Verify(context.Background(), provider.Token{Provider: "google", ClientID: "client.example", IDToken: none, Nonce: raw})
	refused(t, "a nonce is expected, and there is none", err)
	must := newForge(t, `"require_nonce":true`)
	_, err = must.google(none)
	refused(t, "no nonce", err)
	_, err = must.google(compact(rsHeader, with(t, googleClaims, "n-0S6_WzA2Mj", "")))
	refused(t, "an empty nonce", err)
	if _, err = must.google(compact(rsHeader, googleClaims)); err != nil {
		t.Error(err)
	}
}

// SEC-09: a token of one provider is refused at another, which has other keys and rules.
func TestVerify_tokensAreGoodAtTheirOwnProviderAlone(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	for owner, token := range map[string]string{"google": compact(rsHeader, googleClaims), "apple": compact(rsHeader, appleClaims), "corp": compact(rsHeader, oidcClaims)} {
		for at, clientID := range map[string]string{"google": "client.example", "apple": "com.example.app", "corp": "oidc.example"} {
			if _, err := f.verify(at, clientID, token); (at == owner) != (err == nil) {
				t.Errorf("%s's at %s: %v", owner, at, err)
			}
		}
	}
	for _, who := range [][2]string{{"google", ""}, {"google", "com.example.app"}, {"facebook", "client.example"}, {"", ""}, {"apple", "com.example.app,"}, {"openid_connect", "oidc.example"}} {
		if _, err := f.verify(who[0], who[1], compact(rsHeader, googleClaims)); !errors.Is(err, provider.ErrUnknownClient) {
			t.Errorf("%v: %v", who, err)
		}
	}
}
