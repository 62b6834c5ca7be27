package token_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/token"
)

// generated returns n new keys as PEM, and their kids.
func generated(t *testing.T, n int) (blocks, kids []string) {
	t.Helper()
	for range n {
		block, kid, err := token.GenerateKey()
		if err != nil {
			t.Fatal(err)
		}
		blocks, kids = append(blocks, block), append(kids, kid)
	}
	return blocks, kids
}

func private(t *testing.T, block string) *ecdsa.PrivateKey {
	t.Helper()
	b, _ := pem.Decode([]byte(block))
	key, err := x509.ParsePKCS8PrivateKey(b.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key.(*ecdsa.PrivateKey)
}

func sec1(t *testing.T, key *ecdsa.PrivateKey) string {
	t.Helper()
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))
}

func kidsOf(r *token.Keyring) []string {
	var kids []string
	for _, k := range r.Public() {
		kids = append(kids, k.ID)
	}
	return kids
}

func TestKeyring_readsEveryFormThatOperatorsHave(t *testing.T) {
	t.Parallel()
	blocks, kids := generated(t, 3)
	all := strings.Join(blocks, "")
	encoded := base64.StdEncoding.EncodeToString([]byte(all))
	var lines []string
	for line := range slices.Chunk([]byte(encoded), 76) {
		lines = append(lines, string(line))
	}
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"PEM":                      {blocks[0], kids[:1]},
		"PEM with blanks around":   {" \n\n" + blocks[0] + "\n \n", kids[:1]},
		"PEM without the last LF":  {strings.TrimSpace(blocks[0]), kids[:1]},
		"PEM with CRLF":            {strings.ReplaceAll(all, "\n", "\r\n"), kids},
		"three blocks":             {all, kids},
		"blank lines between":      {strings.Join(blocks, "\n\n"), kids},
		"another order":            {blocks[2] + blocks[0], []string{kids[2], kids[0]}},
		"SEC 1":                    {sec1(t, private(t, blocks[0])), kids[:1]},
		"SEC 1 and PKCS#8":         {sec1(t, private(t, blocks[1])) + blocks[0], []string{kids[1], kids[0]}},
		"base64 of PEM":            {encoded, kids},
		"base64 in lines":          {strings.Join(lines, "\n") + "\n", kids},
		"base64 of PEM and blanks": {base64.StdEncoding.EncodeToString([]byte(all + "\n\n")), kids},
	} {
		ring, err := token.NewKeyring(c.text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := kidsOf(ring); !slices.Equal(got, c.want) {
			t.Errorf("%s: keys %v, want %v", name, got, c.want)
		}
	}
}

func TestSEC06_onlyP256KeysAreLoaded(t *testing.T) {
	t.Parallel()
	texts := map[string]string{}
	for name, curve := range map[string]elliptic.Curve{"P-224": elliptic.P224(), "P-384": elliptic.P384(), "P-521": elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		texts[name], texts[name+" SEC 1"] = pkcs8(t, key), sec1(t, key)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	texts["RSA"], texts["Ed25519"] = pkcs8(t, rsaKey), pkcs8(t, edKey)
	texts["RSA PKCS#1"] = string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey)}))
	good, _ := generated(t, 1)
	for name, text := range texts {
		for place, whole := range map[string]string{"alone": text, "first": text + good[0], "second": good[0] + text} {
			if _, err := token.NewKeyring(whole); err == nil {
				t.Errorf("%s %s: loaded", name, place)
			}
		}
	}
}

// A key that is left out in silence would let the wrong one sign, or end the sessions
// of the one that is missing.
func TestKeyring_refusesWhatIsNotASequenceOfPrivateKeys(t *testing.T) {
	t.Parallel()
	blocks, _ := generated(t, 3)
	key := private(t, blocks[0])
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	broken := strings.Replace(blocks[1], "\nM", "\n*", 1)
	empty := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("none")}))
	for name, text := range map[string]string{
		"empty": "", "blank": " \n\t", "word": "secret", "bad base64": "LS0tLS1CRUdJTi!", "base64 of a word": base64.StdEncoding.EncodeToString([]byte("word")),
		"base64url of PEM":                base64.RawURLEncoding.EncodeToString([]byte(blocks[0] + "??")),
		"the same key twice":              blocks[0] + blocks[0],
		"the same key in 2 forms":         blocks[0] + sec1(t, key),
		"one of three twice":              blocks[0] + blocks[1] + blocks[0],
		"text behind":                     blocks[0] + "x",
		"text before":                     "x" + blocks[0],
		"public key":                      public,
		"public key behind":               blocks[0] + public,
		"private key under a public name": strings.ReplaceAll(blocks[0], "PRIVATE", "PUBLIC"),
		"no key in the block":             empty,
		"half a block":                    blocks[0][:len(blocks[0])/2],
		"half a block behind":             blocks[0] + blocks[1][:len(blocks[1])/2],
		"half a block in front":           blocks[1][:len(blocks[1])/2] + "\n" + blocks[0],
		"broken block in front":           broken + blocks[0],
		"broken block between":            blocks[0] + broken + blocks[2],
		"broken block behind":             blocks[0] + broken,
	} {
		if ring, err := token.NewKeyring(text); err == nil {
			t.Errorf("%s: loaded %v", name, kidsOf(ring))
		}
	}
}

// Settings errors are printed at the start and end up in logs.
func TestKeyring_errorsHoldNoKeyMaterial(t *testing.T) {
	t.Parallel()
	blocks, _ := generated(t, 2)
	body := strings.Split(blocks[0], "\n")[1]
	for _, text := range []string{
		blocks[0] + blocks[0], blocks[0] + "x", "x" + blocks[0], strings.ReplaceAll(blocks[0], "PRIVATE", "PUBLIC"), blocks[1] + body,
		strings.Replace(blocks[0], body, body[:40], 1), body,
	} {
		_, err := token.NewKeyring(text)
		if err == nil {
			t.Fatal("loaded")
		}
		if strings.Contains(err.Error(), body[:16]) || strings.Contains(err.Error(), body[20:36]) {
			t.Errorf("the error shows the key: %v", err)
		}
	}
}

func TestSEC14_firstKeySignsAllVerify(t *testing.T) {
	t.Parallel()
	blocks, kids := generated(t, 2)
	sign := func(ring *token.Keyring) string {
		issuer, err := token.NewIssuer(ring, settings())
		if err != nil {
			t.Fatal(err)
		}
		compact, err := issuer.Access(token.Claims{Subject: "1", SessionID: uuid.UUID{1}, Generation: 1}, now)
		if err != nil {
			t.Fatal(err)
		}
		return compact
	}
	verifies := func(ring *token.Keyring, compact string) bool {
		v, err := token.NewVerifier(ring, settings())
		if err != nil {
			t.Fatal(err)
		}
		_, err = v.Access(compact, now.Add(time.Second))
		return err == nil
	}
	rings := map[string]*token.Keyring{}
	for name, text := range map[string]string{"old": blocks[0], "pending": blocks[0] + blocks[1], "moved": blocks[1] + blocks[0], "new": blocks[1]} {
		ring, err := token.NewKeyring(text)
		if err != nil {
			t.Fatal(err)
		}
		rings[name] = ring
	}
	signedBy := map[string]string{"old": kids[0], "pending": kids[0], "moved": kids[1], "new": kids[1]}
	for from, ring := range rings {
		compact := sign(ring)
		header, _, _ := strings.Cut(compact, ".")
		if want := b64(`{"alg":"ES256","kid":"` + signedBy[from] + `","typ":"at+jwt"}`); header != want {
			t.Errorf("%s: signed by another key", from)
		}
		for to, at := range rings {
			if want := slices.Contains(kidsOf(at), signedBy[from]); verifies(at, compact) != want {
				t.Errorf("signed under %s: accepted under %s is %v, want %v", from, to, !want, want)
			}
		}
	}
}

func TestSEC15_publicKeysHoldNoPrivateMaterial(t *testing.T) {
	t.Parallel()
	blocks, _ := generated(t, 3)
	ring, err := token.NewKeyring(strings.Join(blocks, ""))
	if err != nil {
		t.Fatal(err)
	}
	shown, err := json.Marshal(ring.Public())
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range blocks {
		d, err := private(t, block).Bytes()
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range []string{b64(string(d)), base64.StdEncoding.EncodeToString(d), hex.EncodeToString(d), fmt.Sprintf("%v", d), string(d)} {
			if strings.Contains(string(shown), form) || strings.Contains(fmt.Sprintf("%+v", ring.Public()), form) {
				t.Error("the private key is shown")
			}
		}
	}
	for _, k := range ring.Public() {
		if k.KeyType != "EC" || k.Curve != "P-256" || k.Algorithm != "ES256" || k.Use != "sig" {
			t.Errorf("%+v", k)
		}
	}
}

// About one key in 128 has a coordinate that starts with a zero byte. Cut short, it is
// another key to strict readers, and has another thumbprint.
func TestSEC13_thumbprintAndCoordinatesKeepLeadingZeros(t *testing.T) {
	t.Parallel()
	for range 100_000 {
		block, kid, err := token.GenerateKey()
		if err != nil {
			t.Fatal(err)
		}
		point, err := private(t, block).PublicKey.Bytes() // 4, x, y
		if err != nil {
			t.Fatal(err)
		}
		if point[1] != 0 && point[33] != 0 {
			continue
		}
		x, y := b64(string(point[1:33])), b64(string(point[33:]))
		sum := sha256.Sum256([]byte(`{"crv":"P-256","kty":"EC","x":"` + x + `","y":"` + y + `"}`))
		ring, err := token.NewKeyring(block)
		if err != nil {
			t.Fatal(err)
		}
		if k := ring.Public()[0]; k.X != x || k.Y != y || k.ID != b64(string(sum[:])) || kid != k.ID {
			t.Fatalf("shown as %+v, generated as %s; want x %s, y %s", k, kid, x, y)
		}
		return
	}
	t.Fatal("no such key among 100,000")
}
