package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/clients/contract/devserver"
)

// The run of a day: our own server keeps its contract, and nothing of the document is left
// out.
func TestRun_ourOwnServerKeepsItsContract(t *testing.T) {
	t.Parallel()

	// Signing up has many operations, whose probes count: it would wait for a minute, twice.
	server := devserver.Run(t, `ACCOUNT_RATE_LIMITS={"signup": "200/m/ip"}`, "MFA_ALLOW_UNVERIFIED_EMAIL=true", "ACCOUNT_EMAIL_VERIFICATION=none")
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"-base-url", server.URL, "-services", server.Services, "-strict", "-json"}, &out, &errs)
	if code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, errs.String(), out.String())
	}

	var report struct {
		Operations []struct {
			Operation string
			Seen      map[string]int
		}
		NotPlayed []string `json:"not_played"`
	}
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatal(err)
	}

	doc, err := load(t.Context(), settings{})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Operations) != len(operations(doc)) {
		t.Errorf("%d operations in the report, %d in the document", len(report.Operations), len(operations(doc)))
	}

	for _, op := range report.Operations {
		if len(op.Seen) == 0 {
			t.Errorf("%s was never called", op.Operation)
		}
	}

	// What has a step in the walk succeeds; what has none yet is called with its example.
	for _, line := range report.NotPlayed {
		for _, st := range slices.Concat(lists...) {
			if strings.HasPrefix(line, st.id+":") {
				t.Error(line)
			}
		}
	}
}

// tampered is a proxy in front of a server that answers something else in one place.
type tampered struct {
	name         string
	method, path string
	status       int // the answers that are changed; 0: all
	change       func(a *http.Response, body []byte) []byte
	finds        string // what the report must say
}

const (
	profilePath = "/api/v1/users/profile/"
	configPath  = "/_allauth/app/v1/config"
	signupPath  = "/_allauth/app/v1/auth/signup"
	refreshPath = "/_allauth/app/v1/auth/token/refresh"
	loginPath   = "/_allauth/app/v1/auth/login"
	proofPath   = "/_allauth/app/v1/auth/2fa/reauthenticate"
	totpPath    = "/_allauth/app/v1/account/authenticators/totp"
	tokenPath   = "/_allauth/app/v1/auth/provider/token"
)

func swap(old, new string) func(*http.Response, []byte) []byte {
	return func(_ *http.Response, body []byte) []byte { return bytes.ReplaceAll(body, []byte(old), []byte(new)) }
}

func status(n int, headers ...string) func(*http.Response, []byte) []byte {
	return func(a *http.Response, body []byte) []byte {
		a.StatusCode = n
		for i := 0; i+1 < len(headers); i += 2 {
			a.Header.Set(headers[i], headers[i+1])
		}
		return body
	}
}

var tampers = []tampered{
	{"a member is missing", "GET", profilePath, 200, swap(`"created_at"`, `"created"`), `created_at`},
	{"a member of another kind", "GET", profilePath, 200, swap(`"email_verified":false`, `"email_verified":"no"`), "email_verified: value must be a boolean"},
	{"a member that is not in the document", "GET", configPath, 200, swap(`"status":200`, `"status":200,"more":1`), `"more" is unsupported`},
	{"a status that is not documented", "GET", configPath, 200, status(418), "status 418 is not documented"},
	{"another documented status than this call has", "GET", profilePath, 401, status(200), "without a credential: GET " + profilePath + " answered 200: status 200, want 401"},
	{"a defect", "GET", configPath, 200, status(500), "status 500 is not documented"},
	{"a challenge is missing", "GET", profilePath, 401, func(a *http.Response, b []byte) []byte { a.Header.Del("WWW-Authenticate"); return b }, `"WWW-Authenticate" missing`},
	{"HTML", "GET", configPath, 200, status(200, "Content-Type", "text/html"), `Content-Type "text/html"`},
	{"no JSON", "GET", configPath, 200, func(*http.Response, []byte) []byte { return []byte("<html>") }, "getConfig, in the walk"},
	{"an envelope of another status", "GET", configPath, 200, swap(`"status":200`, `"status":201`), "the envelope's status is 201, the answer's is 200"},
	{"a method is not refused", "PUT", profilePath, 405, status(200), "status 200, want 405"},
	{"Allow is missing", "PUT", profilePath, 405, func(a *http.Response, b []byte) []byte { a.Header.Del("Allow"); return b }, "PUT " + profilePath + ": 405 whose Allow does not name GET, PATCH"},
	{"an error outside of the envelope", "PUT", profilePath, 405, func(*http.Response, []byte) []byte { return []byte(`{"status":405}`) }, "the body is not the envelope"},
	{"bad bodies are taken", "PATCH", profilePath, 400, status(415), "with a body that is no JSON: PATCH " + profilePath + " answered 415: status 415, want 400"},
	{"a large body is taken", "PATCH", profilePath, 413, status(400), "with a body of more than 65,536 bytes"},
	{"Retry-After is missing", "GET", configPath, 200, status(503), `"Retry-After" missing`},
	{"a dead session token is nobody's", "GET", configPath, 410, status(200), "with a dead session token: GET " + configPath + " answered 200: status 200, want 410"},
	{"a code of an authenticator app works twice", "POST", proofPath, 400, status(200), "reauthenticateBySecondFactor, in the walk: POST " + proofPath + " answered 200: status 200, want 400"},
	{"a QR code that no app reads", "GET", totpPath, 404, swap("otpauth://totp/", "otpauth://hotp/"), "getTotp: meta.totp_url: no otpauth://totp/ URL"},
	{"a second factor is passed over", "POST", loginPath, 401, status(200), "login, in the walk: POST " + loginPath + " answered 200: status 200, want 401"},
	{"a nonce of another service works twice", "POST", tokenPath, 400, status(200), "submitProviderToken, in the walk: POST " + tokenPath + " answered 200: status 200, want 400"},
	{"a lost answer gets another successor", "POST", refreshPath, 200, otherSuccessor(), "got another successor"},
}

// otherSuccessor answers each refresh with another refresh token.
func otherSuccessor() func(*http.Response, []byte) []byte {
	n := 0
	return func(_ *http.Response, body []byte) []byte {
		n++
		return bytes.Replace(body, []byte(`"refresh_token":"`), []byte(`"refresh_token":"a.`+strconv.Itoa(n)+`.b","was":"`), 1)
	}
}

// proxy passes calls on to upstream and changes answers.
func (c tampered) proxy(t *testing.T, upstream string) string {
	t.Helper()

	to, err := url.Parse(upstream)
	if err != nil {
		t.Fatal(err)
	}

	p := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) },
		ModifyResponse: func(a *http.Response) error {
			if a.Request.Method != c.method || a.Request.URL.Path != c.path || c.status != 0 && a.StatusCode != c.status {
				return nil
			}

			body, err := io.ReadAll(a.Body)
			if err != nil {
				return err
			}

			body = c.change(a, body)
			a.Body, a.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			a.Header.Set("Content-Length", strconv.Itoa(len(body)))
			return nil
		},
	}

	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	return s.URL
}

// played is the report of a run that does not really wait where it is told to.
func played(t *testing.T, url, services string) *report {
	t.Helper()
	of := settings{baseURL: url, services: services, strict: true}
	doc, err := load(t.Context(), of)
	if err != nil {
		t.Fatal(err)
	}
	s := newSuite(of, doc)
	s.wait = func(context.Context, time.Duration) error { return nil }
	r, err := s.play(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRun_findsWhatIsWrong(t *testing.T) {
	t.Parallel()
	upstream := devserver.Run(t, "ACCOUNT_RATE_LIMITS=false", "MFA_ALLOW_UNVERIFIED_EMAIL=true", "ACCOUNT_EMAIL_VERIFICATION=none")
	t.Run("nothing", func(t *testing.T) {
		r := played(t, tampered{path: "none"}.proxy(t, upstream.URL), upstream.Services)
		if len(r.Mismatches) > 0 {
			t.Errorf("through a proxy that changes nothing:\n%s", strings.Join(r.Mismatches, "\n"))
		}
	})
	for _, c := range tampers {
		t.Run(c.name, func(t *testing.T) {
			found := strings.Join(played(t, c.proxy(t, upstream.URL), upstream.Services).Mismatches, "\n")
			if !strings.Contains(found, c.finds) {
				t.Errorf("it does not say %q:\n%s", c.finds, found)
			}
		})
	}
}

// A report is pasted into issues: no token, no password stands in it.
func TestReport_showsNoSecret(t *testing.T) {
	t.Parallel()
	upstream := devserver.Start(t, "ACCOUNT_RATE_LIMITS=false")

	broken := tampered{method: "POST", path: signupPath, status: 200, change: swap(`"methods"`, `"method"`)}
	of := settings{baseURL: broken.proxy(t, upstream)}
	doc, err := load(t.Context(), of)
	if err != nil {
		t.Fatal(err)
	}

	s := newSuite(of, doc)
	r, err := s.play(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	var out bytes.Buffer
	if err := r.print(&out, of); err != nil {
		t.Fatal(err)
	}

	text := out.String()
	if !strings.Contains(text, "MISMATCH: signup") || !strings.Contains(text, `"session_token":"…"`) {
		t.Fatalf("it does not show the answer:\n%s", text)
	}

	for _, secret := range []string{"lkst_", ".ey", s.person.password} {
		if strings.Contains(text, secret) {
			t.Errorf("it shows %q:\n%s", secret, text)
		}
	}
}

func TestQuoted_showsNoSecondFactor(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"meta":{"secret":"J4ZKKXTK7NOVU7EP","totp_url":"otpauth://totp/x?secret=J4ZKKXTK7NOVU7EP"}}`: `{"meta":{"secret":"…","totp_url":"…"}}`,
		`{"data":{"unused_codes": ["31415926", "27182818"],"unused_code_count":2}}`:                    `{"data":{"unused_codes": "…","unused_code_count":2}}`,
		`{"data":{"nonce":"abc","nonce_sha256":"def"}}`:                                                `{"data":{"nonce":"…","nonce_sha256":"…"}}`,
	} {
		if got := quoted([]byte(body)); got != want {
			t.Errorf("%s is shown as %s", body, got)
		}
	}
}

// Where an address must be verified first, nobody has a second factor: the run says so.
func TestRun_playsTheRefusalsWithoutAFactorAndWithoutServices(t *testing.T) {
	t.Parallel()
	r := played(t, devserver.Start(t, "ACCOUNT_RATE_LIMITS=false"), "")
	notes := strings.Join(r.NotPlayed, "\n")
	for _, want := range []string{
		"activateTotp: no second factor can be added here (MFA_ALLOW_UNVERIFIED_EMAIL, ACCOUNT_EMAIL_VERIFICATION)", "submitSecondFactor: there is no second factor",
		"submitProviderToken: nobody signs tokens of another service for this run (-services)",
	} {
		if !strings.Contains(notes, want) {
			t.Errorf("it does not say %q:\n%s", want, notes)
		}
	}
	if len(r.Mismatches) > 0 {
		t.Errorf("mismatches:\n%s", strings.Join(r.Mismatches, "\n"))
	}
}

// A server that asks for a code at sign-up leaves nobody signed in: the run says so, and
// checks what can be checked without.
func TestRun_saysWhatItCouldNotPlay(t *testing.T) {
	t.Parallel()
	r := played(t, devserver.Start(t, "ACCOUNT_RATE_LIMITS=false", "ACCOUNT_EMAIL_VERIFICATION=mandatory", "ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED=true"), "")
	if notes := strings.Join(r.NotPlayed, "\n"); !strings.Contains(notes, "this server asks for more than a password to sign up (status 401)") || !strings.Contains(notes, "getProfile: nobody could be signed in") {
		t.Errorf("notes:\n%s", notes)
	}
	if len(r.Mismatches) > 0 {
		t.Errorf("mismatches:\n%s", strings.Join(r.Mismatches, "\n"))
	}
}

func TestRun_exitCodes(t *testing.T) {
	t.Parallel()

	for _, args := range [][]string{
		{},
		{"-base-url", "127.0.0.1:8080"},
		{"-base-url", "http://127.0.0.1:1"},
		{"-base-url", "http://127.0.0.1:1", "more"},
		{"-nothing"},
		{"-base-url", "http://127.0.0.1:1", "-spec", "/no/such/file"},
		{"-base-url", "http://127.0.0.1:1", "-spec", "server"},
	} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), args, &out, &errs); code != 2 || errs.Len() == 0 {
			t.Errorf("%q: exit code %d, said %q", args, code, errs.String())
		}
	}

	wrong := tampered{method: "GET", path: configPath, status: 200, change: status(418)}
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"-base-url", wrong.proxy(t, devserver.Start(t, "ACCOUNT_RATE_LIMITS=false")), "-spec", "../../openapi.yaml"}, &out, &errs); code != 1 || !strings.Contains(out.String(), "MISMATCH: getConfig") {
		t.Errorf("exit code %d:\n%s%s", code, out.String(), errs.String())
	}
}
