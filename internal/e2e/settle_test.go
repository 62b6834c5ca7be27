package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// What stands in clients/testdata in place of what differs from run to run, or is secret.
const (
	settledToken   = "eyJhbGciOiJFUzI1NiIsImtpZCI6Ii4uLiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
	settledSession = "lkst_Zm9vYmFyYmF6cXV4cXV1eGNvcmdlZ3JhdWx0Z2FycGx5"
	settledRandom  = "cGxhY2Vob2xkZXI"
	settledID      = "2901768345771045"
	settledTime    = "1790000000.25"
	settledEmail   = "ada@example.com"
	settledPhone   = "+31612345678"
	settledUUID    = "0190b8a4-6f0e-7c3e-9a51-0d4c0f6f2a11"
	settledURL     = "otpauth://totp/Latchkey:ada%40example.com?secret=JBSWY3DPEHPK3PXP&issuer=Latchkey"
)

// settledNames go by the member's name: their values look like nothing in particular.
var settledNames = map[string]string{
	"ip": "203.0.113.7", "username": "ada", "user_agent": "ExampleApp/2.1", "secret": "JBSWY3DPEHPK3PXP", "unused_codes": "12345678", "used_codes": "87654321",
	"totp_url": settledURL, "totp_svg": "<svg/>", "totp_svg_data_uri": "data:image/svg+xml;base64,PHN2Zy8+",
	"x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
	"kid": "3rLRkrRI0Ec5d2bMvl0xmn8nHnPTnLuFtXcJOIXtXzA",
}

// settledTexts go by how a text looks; the first that fits wins.
var settledTexts = []struct {
	looks *regexp.Regexp
	text  string
}{
	{regexp.MustCompile(`^ey[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$`), settledToken},
	{regexp.MustCompile(`^lkst_`), settledSession},
	{regexp.MustCompile(`^[^@\s]+@[^@\s]+$`), settledEmail},
	{regexp.MustCompile(`^\+[0-9]{6,15}$`), settledPhone},
	{regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`), settledUUID},
	{regexp.MustCompile(`^(data|otpauth):`), settledURL},
	{regexp.MustCompile(`^http://127\.0\.0\.1:`), "https://id.example.com/.well-known/openid-configuration"},
}

// looksRandom: like a key or a token: long, without blanks, and not a word of the protocol, which are
// in lower case without digits.
var (
	looksRandom  = regexp.MustCompile(`^[A-Za-z0-9+/_-]{16,}={0,2}$`)
	protocolWord = regexp.MustCompile(`^[a-z_]+$`)
)

// settled replaces tokens, codes, ids, addresses and times, at any depth.
func settled(name string, value any) any {
	switch v := value.(type) {
	case map[string]any:
		for member, inner := range v {
			v[member] = settled(member, inner)
		}
	case []any:
		for n, inner := range v {
			v[n] = settled(name, inner)
		}
	case json.Number:
		return settledNumber(name, v)
	case string:
		return settledString(name, v)
	}
	return value
}

func settledNumber(name string, n json.Number) json.Number {
	f, err := strconv.ParseFloat(string(n), 64)
	switch {
	case name == "at" || strings.HasSuffix(name, "_at"):
		return settledTime
	case err == nil && f >= 1e6:
		return settledID
	}
	return n
}

func settledString(name, s string) string {
	if text, ok := settledNames[name]; ok {
		return text
	}
	for _, t := range settledTexts {
		if t.looks.MatchString(s) {
			return t.text
		}
	}
	if looksRandom.MatchString(s) && !protocolWord.MatchString(s) {
		return settledRandom
	}
	return s
}

func TestSample_secretsTimesAndIDsAreReplaced(t *testing.T) {
	t.Parallel()
	before := `{"id":123456789,"at":1,"created_at":5.5,"count":7,"ip":"127.0.0.1","token":"eyJ0.eyJ1.AbC-_","session_token":"lkst_abc","email":"x1@example.org",
		"phone":"+15551234567","tenant_id":"11111111-2222-3333-4444-555555555555","challenge":"qJ8x-RkQ2bV7nL0p_Zt4","code":"too_many_login_attempts","nil":null,
		"yes":true,"message":"A sentence, with 16 or more.","unused_codes":["11112222"],"secret":"ABCDEF","url":"otpauth://totp/a?secret=ABC","list":[{"id":5}]}`
	after := `{"at":1790000000.25,"challenge":"cGxhY2Vob2xkZXI","code":"too_many_login_attempts","count":7,"created_at":1790000000.25,"email":"ada@example.com",` +
		`"id":2901768345771045,"ip":"203.0.113.7","list":[{"id":5}],"message":"A sentence, with 16 or more.","nil":null,"phone":"+31612345678","secret":"JBSWY3DPEHPK3PXP",` +
		`"session_token":"` + settledSession + `","tenant_id":"` + settledUUID + `","token":"` + settledToken + `","unused_codes":["12345678"],` +
		`"url":"` + settledURL + `","yes":true}`
	value, err := decoded([]byte(before))
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	e := json.NewEncoder(&got)
	e.SetEscapeHTML(false)
	if err := e.Encode(settled("", value)); err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(got.String()) != after {
		t.Errorf("got  %s\nwant %s", got.String(), after)
	}
}

// Whatever tests may add: a text that could be a secret is one of the placeholders.
func TestSample_filesHoldNoSecret(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(testdata, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal(err, len(files))
	}
	for _, path := range files {
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		value, err := decoded(body)
		if err != nil {
			t.Fatal(path, err)
		}
		before, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		after, err := json.Marshal(settled("", value))
		if err != nil {
			t.Fatal(err)
		}
		if string(before) != string(after) {
			t.Errorf("%s is not as the recorder writes it: what is in there?", path)
		}
	}
}
