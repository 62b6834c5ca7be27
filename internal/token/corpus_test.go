package token_test

import (
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/pem"
	"hash"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/token"
)

// row is one entry of the corpus. Its name starts with its number; a number has
// several rows where a way around the gate has several spellings.
type row struct {
	name, compact string
	accept        bool
}

// Every row differs from an accepted token in the one thing that its name says, and
// is signed with the real key unless its name says attacker.
func TestTJWT_corpus(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	groups := []func(*forge, token.Use) []row{
		algorithmRows, keyRows, signatureRows, headerRows, encodingRows, claimRows, timeRows, formRows, partyRows,
	}
	var numbers []string
	for _, use := range bothUses {
		var rows []row
		for _, group := range groups {
			rows = append(rows, group(f, use)...)
		}
		for _, r := range rows {
			numbers = append(numbers, r.name[:2])
		}
		t.Run(string(use), func(t *testing.T) {
			t.Parallel()
			for _, r := range rows {
				t.Run(r.name, func(t *testing.T) { f.check(t, r, use) })
			}
		})
	}
	for _, want := range strings.Fields("01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 44") {
		if !slices.Contains(numbers, want) {
			t.Errorf("row %s is gone", want)
		}
	}
}

func (f *forge) check(t *testing.T, r row, use token.Use) {
	t.Helper()
	if r.accept {
		f.accepts(t, r.compact, use)
		return
	}
	f.refuses(t, r.compact, use)
}

func algorithmRows(f *forge, use token.Use) []row {
	rows := []row{{name: "01 valid", compact: f.good(use), accept: true}}
	old := f.good(use)[len(unsigned(f.good(use))):]
	for _, alg := range []string{"none", "None", "nOnE", "NONE", ""} {
		c := f.compact(f.headerWith(use, `"ES256"`, `"`+alg+`"`), claims(use))
		rows = append(rows,
			row{name: "02 alg " + alg, compact: c},
			row{name: "02 alg " + alg + " with an empty signature", compact: unsigned(c) + "."},
			row{name: "02 alg " + alg + " with an old signature", compact: unsigned(c) + old},
			row{name: "02 alg " + alg + " without a third part", compact: unsigned(c)},
		)
	}
	der, err := x509.MarshalPKIXPublicKey(&f.key.PublicKey)
	if err != nil {
		f.t.Fatal(err)
	}
	point, err := f.key.PublicKey.Bytes()
	if err != nil {
		f.t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	for name, secret := range map[string][]byte{"PEM": text, "DER": der, "raw point": point} {
		// An HS512 code has the 64 bytes of an ES256 signature: the shape lets it pass.
		for alg, sum := range map[string]func() hash.Hash{"HS256": sha256.New, "HS512": sha512.New, "ES256": sha512.New} {
			signed := b64(f.headerWith(use, "ES256", alg)) + "." + b64(claims(use))
			code := hmac.New(sum, secret)
			code.Write([]byte(signed))
			rows = append(rows, row{name: "03 code keyed with our public " + name + " under alg " + alg, compact: signed + "." + b64(string(code.Sum(nil)))})
		}
	}
	for _, alg := range []string{"ES384", "ES256K", "ES512", "RS256", "es256", "ES256 "} {
		rows = append(rows, row{name: "19 alg " + alg + " over a P-256 signature", compact: f.compact(f.headerWith(use, "ES256", alg), claims(use))})
	}
	return append(rows,
		row{name: "20 alg missing", compact: f.compact(f.headerWith(use, `"alg":"ES256",`, ``), claims(use))},
		row{name: "20 alg missing, a third member in its place", compact: f.compact(f.headerWith(use, `"alg"`, `"a1g"`), claims(use))},
		row{name: "20 alg null", compact: f.compact(f.headerWith(use, `"ES256"`, `null`), claims(use))},
		row{name: "20 alg array", compact: f.compact(f.headerWith(use, `"ES256"`, `["ES256"]`), claims(use))},
		row{name: "20 ALG", compact: f.compact(f.headerWith(use, `"alg"`, `"ALG"`), claims(use))},
	)
}

func keyRows(f *forge, use token.Use) []row {
	attacker := forgeWith(f.t, f.attackerKey())
	point, err := attacker.key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		f.t.Fatal(err)
	}
	own := `,"jwk":{"kty":"EC","crv":"P-256","x":"` + b64(string(point[1:33])) + `","y":"` + b64(string(point[33:])) + `"}}`
	rows := []row{
		{name: "04 attacker, jwk, our kid", compact: attacker.compact(f.headerWith(use, `}`, own), claims(use))},
		{name: "04 attacker, jwk, own kid", compact: attacker.compact(attacker.headerWith(use, `}`, own), claims(use))},
		{name: "04 attacker, jwk, no kid", compact: attacker.compact(f.headerWith(use, `"kid":"`+f.kid+`",`, ``, `}`, own), claims(use))},
		{name: "05 attacker, jku", compact: attacker.compact(f.headerWith(use, `}`, `,"jku":"http://127.0.0.1:1/"}`), claims(use))},
		{name: "05 attacker, x5u", compact: attacker.compact(f.headerWith(use, `}`, `,"x5u":"http://127.0.0.1:1/"}`), claims(use))},
		{name: "07 no kid", compact: f.compact(f.headerWith(use, `"kid":"`+f.kid+`",`, ``), claims(use))},
		{name: "07 kid null", compact: f.compact(f.headerWith(use, `"`+f.kid+`"`, `null`), claims(use))},
		{name: "07 KID", compact: f.compact(f.headerWith(use, `"kid"`, `"KID"`), claims(use))},
		{name: "10 attacker, all else right", compact: attacker.compact(f.header(use), claims(use))},
	}
	for _, kid := range []string{
		"../../../../dev/null", "x' UNION SELECT 'key'; --", strings.Repeat("k", 10_000), strings.Repeat("k", 2_000),
		attacker.kid, "", f.kid + " ", f.kid + "=", f.kid + `\u0000`, f.kid[:42], strings.ToLower(f.kid),
	} {
		name := "06 kid " + kid[:min(len(kid), 24)]
		rows = append(rows, row{name: name, compact: f.compact(f.headerWith(use, f.kid, kid), claims(use))})
	}
	return rows
}

// A key address in the header must not even be dialled. The backlog of a listener
// keeps the order of arrival: were there a connection, it would come before ours.
func TestTJWT05_addressesInTheHeaderAreNotDialled(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	f := newForge(t)
	for _, use := range bothUses {
		for _, member := range []string{"jku", "x5u"} {
			f.refuses(t, f.compact(f.headerWith(use, `}`, `,"`+member+`":"http://`+listener.Addr().String()+`/keys"}`), claims(use)), use)
		}
	}
	ours, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	first, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if first.RemoteAddr().String() != ours.LocalAddr().String() {
		t.Fatalf("somebody dialled the listener before us: %s", first.RemoteAddr())
	}
}

func signatureRows(f *forge, use token.Use) []row {
	genuine := f.signature(f.key, unsigned(f.good(use)))
	zero := make([]byte, 32)
	one := append(make([]byte, 31), 1)
	sum := sha256.Sum256([]byte(unsigned(f.good(use))))
	der, err := ecdsa.SignASN1(rand.Reader, f.key, sum[:])
	if err != nil {
		f.t.Fatal(err)
	}
	rows := []row{}
	for _, s := range []struct {
		name string
		r, s []byte
	}{
		{"08 all zero", zero, zero},
		{"08 r zero", zero, genuine[32:]},
		{"08 s zero", genuine[:32], zero},
		{"08 r n", order(0), genuine[32:]},
		{"08 s n", genuine[:32], order(0)},
		{"08 r n-1", order(-1), genuine[32:]},
		{"08 s n-1", genuine[:32], order(-1)},
		{"08 r n+1", order(1), genuine[32:]},
		{"08 s n+1", genuine[:32], order(1)},
		{"08 r and s one", one, one},
		{"08 swapped", genuine[32:], genuine[:32]},
		{"09 empty", nil, nil},
		{"09 DER", der, nil},
		{"09 63 bytes", genuine[:63], nil},
		{"09 63 bytes at the end", genuine[1:], nil},
		{"09 65 bytes", genuine, []byte{0}},
		{"09 65 bytes, the first zero", []byte{0}, genuine},
		{"09 128 bytes", genuine, genuine},
		{"09 32 bytes", genuine[:32], nil},
	} {
		rows = append(rows, row{name: s.name, compact: f.stolen(use, slices.Concat(s.r, s.s))})
	}
	return rows
}

func headerRows(f *forge, use token.Use) []row {
	typ := `"` + f.header(use)[len(f.header(use))-len(`at+jwt"}`):len(f.header(use))-2] + `"`
	rows := []row{}
	for name, pairs := range map[string][]string{
		"11 unknown crit":                      {`}`, `,"crit":["exp"],"exp":1}`},
		"11 empty crit":                        {`}`, `,"crit":[]}`},
		"11 crit in the place of typ":          {`"typ":` + typ, `"crit":["b64"]`},
		"12 b64 false":                         {`}`, `,"b64":false}`},
		"12 b64 false under crit":              {`}`, `,"b64":false,"crit":["b64"]}`},
		"13 typ JWT":                           {typ, `"JWT"`},
		"13 typ dpop+jwt":                      {typ, `"dpop+jwt"`},
		"13 typ missing":                       {`,"typ":` + typ, ``},
		"13 typ in capitals":                   {typ, strings.ToUpper(typ)},
		"13 typ as a full media type":          {typ, `"application/` + typ[1:]},
		"13 typ array":                         {typ, `[` + typ + `]`},
		"14 cty JWT":                           {`}`, `,"cty":"JWT"}`},
		"14 cty JWT in the place of typ":       {`"typ":` + typ, `"cty":"JWT"`},
		"18 alg twice":                         {`"alg":"ES256"`, `"alg":"ES256","alg":"ES256"`},
		"18 alg none, then ES256":              {`"alg":"ES256"`, `"alg":"none","alg":"ES256"`},
		"18 alg ES256, then none":              {`"alg":"ES256"`, `"alg":"ES256","alg":"none"`},
		"18 alg and an escaped alg":            {`"alg":"ES256"`, `"alg":"ES256","\u0061lg":"none"`},
		"18 alg and Alg in the place of typ":   {`"typ":` + typ, `"Alg":"none"`},
		"27 header with a BOM":                 {`{`, "\ufeff{"},
		"28 text after the header":             {`}`, `}{}`},
		"29 invalid UTF-8 in the header's typ": {typ, "\"\xff\""},
	} {
		rows = append(rows, row{name: name, compact: f.compact(f.headerWith(use, pairs...), claims(use))})
	}
	nested := b64(f.headerWith(use, `}`, `,"cty":"JWT"}`)) + "." + b64(f.good(use))
	return append(rows, row{name: "14 nested", compact: f.signed(nested)}, row{name: "14 nested under a good header", compact: f.compact(f.header(use), f.good(use))})
}

func encodingRows(f *forge, use token.Use) []row {
	h, c, ok := strings.Cut(unsigned(f.good(use)), ".")
	if !ok {
		f.t.Fatal("no dot")
	}
	if len(c)%4 == 0 {
		c = b64(f.claimsWith(use, `"AAAAAAAAAAAAAAAAAAAAAA"`, `"AAAAAAAAAAAAAAAAAAAAA"`))
	}
	// The same bytes in the alphabet that lenient decoders take as well.
	standard := strings.NewReplacer("-", "+", "_", "/").Replace(b64(f.claimsWith(use, `"gen"`, `"x":"???>>>~~~","gen"`)))
	if !strings.ContainsAny(standard, "+/") {
		f.t.Fatal("these claims are the same in both alphabets")
	}
	good := f.signed(h + "." + c)
	s := good[len(h)+len(c)+2:]
	flat := `"protected":"` + h + `","signature":"` + s + `"`
	rows := []row{
		{name: "01 valid again", compact: good, accept: true},
		{name: "15 flattened JSON", compact: `{"payload":"` + c + `",` + flat + `}`},
		{name: "15 general JSON, a bad and a good signature", compact: `{"payload":"` + c + `","signatures":[{"protected":"` + h + `","signature":"AAAA"},{` + flat + `}]}`},
		{name: "16 stray bits in the signature", compact: h + "." + c + "." + strayBits(f.t, s)},
		{name: "16 stray bits in the header", compact: f.signed(strayBits(f.t, h) + "." + c)},
		{name: "16 stray bits in the claims", compact: f.signed(h + "." + strayBits(f.t, c))},
		{name: "16 standard alphabet in the claims", compact: f.signed(h + "." + standard)},
		{name: "17 padded signature", compact: good + "=="},
		{name: "17 padded header", compact: f.signed(h + strings.Repeat("=", 4-len(h)%4) + "." + c)},
		{name: "17 padded claims", compact: f.signed(h + "." + c + strings.Repeat("=", 4-len(c)%4))},
		{name: "16 empty", compact: ""},
		{name: "16 two dots alone", compact: ".."},
		{name: "16 four parts", compact: good + "." + s},
		{name: "16 five parts", compact: good + ".." + s},
		{name: "16 empty header", compact: f.signed("." + c)},
		{name: "16 empty claims", compact: f.signed(h + ".")},
	}
	for name, blank := range map[string]string{"space": " ", "line feed": "\n", "carriage return": "\r", "both": "\r\n", "tab": "\t", "NUL": "\x00"} {
		rows = append(rows,
			row{name: "16 " + name + " before", compact: blank + good},
			row{name: "16 " + name + " behind", compact: good + blank},
			row{name: "16 " + name + " inside the header", compact: f.signed(h[:8] + blank + h[8:] + "." + c)},
			row{name: "16 " + name + " behind the claims", compact: f.signed(h + "." + c + blank)},
			row{name: "16 " + name + " inside the signature", compact: h + "." + c + "." + s[:43] + blank + s[43:]},
			row{name: "16 " + name + " in the signature's 86 characters", compact: h + "." + c + "." + s[:43] + blank + s[43+len(blank):]},
		)
	}
	return rows
}
