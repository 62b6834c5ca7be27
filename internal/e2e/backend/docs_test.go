// Package backend has the tests of backends that are called with an access token: package verify of the
// Go client at the real server, and the programs of docs/verify.md, which it runs as they are there.
package backend

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/clients/contract/devserver"
	_ "github.com/latchkey-auth/latchkey/clients/go/verify/fiber" // so that go.mod names it for the document's fiber.go
)

// env names the variable that asks for the programs in other languages too: their packages
// come from PyPI and npm (make test-verify).
const env = "LATCHKEY_TEST_VERIFY"

var block = regexp.MustCompile("(?s)<!-- file: (\\S+) -->\n```[a-z]+\n(.*?)```")

// files are the programs of the document by their names.
func files(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/verify.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, m := range block.FindAllStringSubmatch(string(text), -1) {
		found[m[1]] = m[2]
	}
	if len(found) != 9 {
		t.Fatalf("%d programs in docs/verify.md, want 9", len(found))
	}
	return found
}

// installation is a server whose key we know, and the tokens of somebody signed in there.
type installation struct {
	t                                *testing.T
	url, access, refresh, session    string
	subject, kid, header, claimsText string
	key                              *ecdsa.PrivateKey
}

func install(t *testing.T) *installation {
	t.Helper()
	key, text := newKey(t)
	i := &installation{t: t, key: key}
	i.url = devserver.Start(t, "HEADLESS_JWT_PRIVATE_KEY="+text)
	answer, err := http.Post(i.url+"/_allauth/app/v1/auth/signup", "application/json", strings.NewReader(`{"email":"verify@example.com","password":"a long enough password"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var a struct {
		Meta struct {
			Access  string `json:"access_token"`
			Refresh string `json:"refresh_token"`
			Session string `json:"session_token"`
		}
	}
	if err := json.NewDecoder(answer.Body).Decode(&a); err != nil || a.Meta.Access == "" {
		t.Fatal(answer.Status, err)
	}
	i.access, i.refresh, i.session = a.Meta.Access, a.Meta.Refresh, a.Meta.Session
	parts := strings.Split(i.access, ".")
	i.header, i.claimsText = i.decoded(parts[0]), i.decoded(parts[1])
	var h, c map[string]any
	if json.Unmarshal([]byte(i.header), &h) != nil || json.Unmarshal([]byte(i.claimsText), &c) != nil {
		t.Fatal("not a token")
	}
	i.kid, i.subject = h["kid"].(string), c["sub"].(string)
	return i
}

func (i *installation) decoded(part string) string {
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		i.t.Fatal(err)
	}
	return string(b)
}

// forged is the good token with parts of its header and claims replaced, and signed anew.
func (i *installation) forged(key *ecdsa.PrivateKey, pairs ...string) string {
	i.t.Helper()
	header, claims := i.header, i.claimsText
	for n := 0; n < len(pairs); n += 2 {
		if strings.Count(header+claims, pairs[n]) != 1 {
			i.t.Fatalf("%q does not stand once in %s%s", pairs[n], header, claims)
		}
		header, claims = strings.Replace(header, pairs[n], pairs[n+1], 1), strings.Replace(claims, pairs[n], pairs[n+1], 1)
	}
	return signed(i.t, key, header, claims)
}

// signed is a token with these two parts, whatever they are.
func signed(t testing.TB, key *ecdsa.PrivateKey, header, claims string) string {
	t.Helper()
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}

	signature := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)

	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// newKey returns a key, and its text as the server reads it.
func newKey(t testing.TB) (*ecdsa.PrivateKey, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}

	return key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// member is a claim as it stands in the token.
func (i *installation) member(name string) string {
	found := regexp.MustCompile(`"` + name + `":("[^"]*"|[0-9]+)`).FindString(i.claimsText)
	if found == "" {
		i.t.Fatalf("no claim %s", name)
	}
	return found
}

// bad are the tokens that every program must refuse.
func (i *installation) bad() map[string]string {
	attacker, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		i.t.Fatal(err)
	}
	now := time.Now().Unix()
	exp, iat, aud, iss := i.member("exp"), i.member("iat"), i.member("aud"), i.member("iss")
	unsigned := i.access[:strings.LastIndexByte(i.access, '.')]
	bad := map[string]string{
		"an empty one":         "",
		"a refresh token":      i.refresh,
		"a session token":      i.session,
		"an attacker's":        i.forged(attacker),
		"no signature":         unsigned + ".",
		"a padded one":         i.access + "==",
		"4,097 bytes and more": i.forged(i.key, `{"aud"`, `{"pad":"`+strings.Repeat("x", 4000)+`","aud"`),
	}
	for name, pairs := range map[string][]string{
		"alg none":             {`"ES256"`, `"none"`},
		"alg HS256":            {`"ES256"`, `"HS256"`},
		"typ JWT":              {`"at+jwt"`, `"JWT"`},
		"typ in capitals":      {`"at+jwt"`, `"AT+JWT"`},
		"typ of a refresh":     {`"at+jwt"`, `"rt+jwt"`},
		"an unknown kid":       {i.kid, "unknown"},
		"no kid":               {`"kid":"` + i.kid + `",`, ``},
		"a jku":                {`"kid"`, `"jku":"http://127.0.0.1:1/","kid"`},
		"a crit":               {`"kid"`, `"crit":["exp"],"kid"`},
		"expired":              {exp, fmt.Sprintf(`"exp":%d`, now-1), iat, fmt.Sprintf(`"iat":%d`, now-300)},
		"issued in 3 minutes":  {exp, fmt.Sprintf(`"exp":%d`, now+480), iat, fmt.Sprintf(`"iat":%d`, now+180)},
		"no exp":               {exp + ",", ``},
		"exp 0":                {exp, `"exp":0`},
		"exp as text":          {exp, fmt.Sprintf(`"exp":"%d"`, now+300)},
		"exp with a fraction":  {exp, fmt.Sprintf(`"exp":%d.5`, now+300)},
		"no iat":               {iat + ",", ``},
		"another audience":     {aud, `"aud":"other"`},
		"ours among audiences": {aud, `"aud":["latchkey","other"]`},
		"another issuer":       {iss, `"iss":"other"`},
		"token_use refresh":    {`"token_use":"access"`, `"token_use":"refresh"`},
		"no token_use":         {`,"token_use":"access"`, ``},
		"claims that are text": {i.claimsText, `"x"`},
	} {
		bad[name] = i.forged(i.key, pairs...)
	}
	return bad
}

// program runs a command with a port of its own until the test ends, and returns its
// address once it answers.
func program(t *testing.T, latchkey string, name string, args ...string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	_ = listener.Close()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "LATCHKEY_URL="+latchkey, "PORT="+port)
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended; ended <- nil })
	until := time.Now().Add(30 * time.Second)
	for {
		conn, err := net.DialTimeout("tcp", "127.0.0.1:"+port, time.Second)
		if err == nil {
			_ = conn.Close()
			return "http://127.0.0.1:" + port
		}
		select {
		case <-ended:
			ended <- nil
			t.Fatalf("it ended:\n%s", said.String())
		case <-time.After(50 * time.Millisecond): // until it listens
		}
		if time.Now().After(until) {
			t.Fatal("it does not listen")
		}
	}
}

func get(t *testing.T, url, authorization string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	answer, err := (&http.Client{Timeout: 20 * time.Second}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

// keeps sends a program every token, good and bad.
func (i *installation) keeps(t *testing.T, name string, args ...string) {
	t.Helper()
	url := program(t, i.url, name, args...)
	for _, good := range []string{"Bearer " + i.access, "bearer " + i.access, "Bearer " + i.forged(i.key)} {
		if answer, body := get(t, url, good); answer.StatusCode != 200 || body != i.subject {
			t.Fatalf("a good token: %d %q, want 200 %q", answer.StatusCode, body, i.subject)
		}
	}
	if answer, _ := get(t, url, ""); answer.StatusCode != 401 || answer.Header.Get("WWW-Authenticate") != `Bearer realm="latchkey"` {
		t.Errorf("no token: %d %q", answer.StatusCode, answer.Header.Get("WWW-Authenticate"))
	}
	for what, token := range i.bad() {
		answer, body := get(t, url, "Bearer "+token)
		if answer.StatusCode != 401 || !strings.Contains(answer.Header.Get("WWW-Authenticate"), `error="invalid_token"`) {
			t.Errorf("%s: %d %q %s", what, answer.StatusCode, answer.Header.Get("WWW-Authenticate"), body)
		}
	}
	away := program(t, "http://127.0.0.1:1", name, args...) // nothing listens there
	if answer, _ := get(t, away, "Bearer "+i.access); answer.StatusCode != 503 || answer.Header.Get("Retry-After") == "" {
		t.Errorf("without a key set: %d, want 503", answer.StatusCode)
	}
}

// written puts a program of the document into a directory of its own.
func written(t *testing.T, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(files(t)[name]), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func must(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

func TestDocs_theProgramsKeepTheRules(t *testing.T) {
	t.Parallel()
	i := install(t)
	for _, name := range []string{"main.go", "fiber.go"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bin := filepath.Join(t.TempDir(), "program")
			must(t, ".", "go", "build", "-o", bin, written(t, t.TempDir(), name))
			i.keeps(t, bin)
		})
	}
	t.Run("app.py", func(t *testing.T) {
		t.Parallel()
		if os.Getenv(env) == "" {
			t.Skip("make test-verify runs it")
		}
		dir := t.TempDir()
		i.keeps(t, python(t, dir), written(t, dir, "app.py"))
	})
	t.Run("app.mjs", func(t *testing.T) {
		t.Parallel()
		if os.Getenv(env) == "" {
			t.Skip("make test-verify runs it")
		}
		dir := t.TempDir()
		installNode(t, dir)
		i.keeps(t, "node", written(t, dir, "app.mjs"))
	})
}

// python makes a virtual environment with the pinned packages, and returns its interpreter.
func python(t *testing.T, dir string) string {
	t.Helper()
	must(t, ".", "python3", "-m", "venv", dir)
	must(t, ".", filepath.Join(dir, "bin", "pip"), "install", "--quiet", "-r", "requirements.txt")

	return filepath.Join(dir, "bin", "python")
}

// installNode installs the pinned packages of Node into a directory.
func installNode(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{"package.json", "package-lock.json", ".npmrc"} {
		copied(t, name, filepath.Join(dir, name))
	}

	must(t, dir, "npm", "ci", "--silent", "--no-audit", "--no-fund")
}

func copied(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// The document promises the versions that are installed here.
func TestDocs_versionsAreThePinnedOnes(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../docs/verify.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, pinned := range map[string]struct {
		pattern string
		times   int
	}{
		"requirements.txt": {`(?m)^PyJWT==(\S+)$`, 2},
		"package.json":     {`"jose": "([^"]+)"`, 2},
		"spring/pom.xml":   {`<version>([0-9.]+\.[0-9]+)</version>`, 1},
	} {
		pins, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}

		found := regexp.MustCompile(pinned.pattern).FindSubmatch(pins)
		if found == nil || strings.Count(string(text), string(found[1])) != pinned.times {
			t.Errorf("%s pins %s; docs/verify.md says another one", name, found)
		}
	}
}
