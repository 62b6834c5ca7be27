package verify_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/clients/go/verify"
)

// guarded answers with who is calling.
func guarded(t *testing.T, v *verify.Verifier) http.Handler {
	return v.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ok := verify.FromContext(r.Context())
		if !ok {
			t.Error("no claims in the context")
		}
		_, _ = io.WriteString(w, c.Subject)
	}))
}

func call(h http.Handler, authorization ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header["Authorization"] = authorization
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

const (
	noToken  = `Bearer realm="example"`
	badToken = noToken + `, error="invalid_token", error_description="The access token has expired or is not good for this service."`
	badCall  = noToken + `, error="invalid_request", error_description="Send one Authorization header."`
)

func TestTJWT43_authorizationHeader(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	h, good := guarded(t, f.verifier), f.good()
	for _, c := range []struct {
		name      string
		headers   []string
		status    int
		challenge string
	}{
		{"Bearer", []string{"Bearer " + good}, 200, ""},
		{"bearer", []string{"bearer " + good}, 200, ""},
		{"BEARER and blanks", []string{"  BEARER   " + good + " "}, 200, ""},
		{"no header", nil, 401, noToken},
		{"an empty header", []string{""}, 401, noToken},
		{"another scheme", []string{"Basic " + good}, 401, noToken},
		{"the token alone", []string{good}, 401, noToken},
		{"no token", []string{"Bearer"}, 401, badToken},
		{"blanks for a token", []string{"Bearer   "}, 401, badToken},
		{"two tokens", []string{"Bearer " + good + " " + good}, 401, badToken},
		{"a tab", []string{"Bearer\t" + good}, 401, noToken},
		{"a tab behind", []string{"Bearer " + good + "\t"}, 401, badToken},
		{"a comma list", []string{"Bearer " + good + ", Bearer " + good}, 401, badToken},
		{"a comma", []string{"Bearer " + good + ","}, 401, badToken},
		{"two headers", []string{"Bearer " + good, "Bearer " + good}, 400, badCall},
		{"a forged token", []string{"Bearer " + good[:len(good)-2] + "AA"}, 401, badToken},
		{"not a token", []string{"Bearer x"}, 401, badToken},
	} {
		w := call(h, c.headers...)
		if w.Code != c.status || w.Header().Get("WWW-Authenticate") != c.challenge {
			t.Errorf("%s: %d with %q, want %d with %q", c.name, w.Code, w.Header().Get("WWW-Authenticate"), c.status, c.challenge)
		}
		if c.status == 200 && w.Body.String() != "4503599627370495" {
			t.Errorf("%s: the handler got %q", c.name, w.Body)
		}
		if c.status != 200 {
			envelope(t, w)
		}
	}
}

// envelope fails unless the answer is one that every Latchkey client reads.
func envelope(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	var e struct {
		Status int
		Errors []struct{ Code, Message string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil {
		t.Fatal(err)
	}
	if e.Status != w.Code || len(e.Errors) != 1 || e.Errors[0].Code == "" || !strings.HasSuffix(e.Errors[0].Message, ".") {
		t.Errorf("body %s with status %d", w.Body, w.Code)
	}
	if w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", w.Header())
	}
}

// Whoever tries tokens learns nothing from the answers.
func TestMiddleware_answersAllBadTokensAlike(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	h := guarded(t, f.verifier)
	var answers []string
	for _, r := range corpus(f) {
		if r.accept || strings.ContainsAny(r.compact, " \r\n\t\x00") || r.compact == "" {
			continue
		}
		w := call(h, "Bearer "+r.compact)
		answers = append(answers, w.Body.String()+w.Header().Get("WWW-Authenticate"))
	}
	if len(answers) < 150 || len(slices.Compact(answers)) != 1 {
		t.Errorf("%d answers, %d of them different", len(answers), len(slices.Compact(answers)))
	}
}

func TestMiddleware_503WhileNobodyCanTell(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	f.jwks.answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	w := call(guarded(t, f.verifier), "Bearer "+f.good())
	if w.Code != 503 || w.Header().Get("Retry-After") != "5" || w.Header().Get("WWW-Authenticate") != "" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	envelope(t, w)
	if w := call(guarded(t, f.verifier)); w.Code != 401 { // no key is needed to see that there is no token
		t.Errorf("without a token: %d", w.Code)
	}
}

func TestVerify_returnsWhatTheTokenSays(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	c := f.is(t, f.good(), nil)
	if c.Subject != "4503599627370495" || c.SessionID != "AQEBAQEBAQEBAQEBAQEBAQ" || c.Generation != 7 || c.ID != strings.Repeat("A", 22) ||
		!c.IssuedAt.Equal(now) || !c.ExpiresAt.Equal(now.Add(5*time.Minute)) || c.TenantID != "" || c.Extra != nil {
		t.Errorf("%+v", c)
	}
	c = f.is(t, f.compact(f.header(), f.claimsWith(`"gen":7`, `"gen":7,"plan":"pro","seats":12,"tenant_id":"0190b8a4-6f0e-7c3e-9a51-0d4c0f6f2a11"`)), nil)
	if c.TenantID != "0190b8a4-6f0e-7c3e-9a51-0d4c0f6f2a11" || len(c.Extra) != 2 || c.Extra["plan"] != "pro" || c.Extra["seats"] != json.Number("12") {
		t.Errorf("%+v", c)
	}
	for _, tenant := range []string{`7`, `null`, `""`, `"x"`, `"0190B8A4-6F0E-7C3E-9A51-0D4C0F6F2A11"`} {
		f.is(t, f.compact(f.header(), f.claimsWith(`"gen":7`, `"gen":7,"tenant_id":`+tenant)), verify.ErrInvalid)
	}
}

func TestVerify_saysWhenAndHowTheUserProvedWhoTheyAre(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	at := now.Add(-time.Minute)
	proved := `"auth_time":` + strconv.FormatInt(at.Unix(), 10)

	for name, row := range map[string]struct {
		claims string
		at     time.Time
		amr    []string
	}{
		"both":                       {proved + `,"amr":["mfa","otp","pwd"]`, at, []string{"mfa", "otp", "pwd"}},
		"no word for the method":     {proved, at, nil},
		"a time as text":             {`"auth_time":"1800000000","amr":["pwd"]`, time.Time{}, []string{"pwd"}},
		"a time with a fraction":     {`"auth_time":1800000000.5`, time.Time{}, nil},
		"methods as text":            {proved + `,"amr":"mfa"`, at, nil},
		"a method that is no text":   {proved + `,"amr":["pwd",7,["mfa"]]`, at, []string{"pwd"}},
		"neither":                    {`"plan":"pro"`, time.Time{}, nil},
		"a time before 1970 is none": {`"auth_time":-5`, time.Time{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := f.is(t, f.compact(f.header(), f.claimsWith(`"gen":7`, `"gen":7,`+row.claims)), nil)
			if !c.AuthTime.Equal(row.at) || !slices.Equal(c.AMR, row.amr) {
				t.Errorf("got %s %q, want %s %q", c.AuthTime, c.AMR, row.at, row.amr)
			}
			if c.Extra["auth_time"] != nil || c.Extra["amr"] != nil {
				t.Errorf("they count as the operator's: %v", c.Extra)
			}
		})
	}
}

// A server that sets neither issues and addresses as "latchkey"; so do we expect it.
func TestVerify_theServersDefaultsAreOurs(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	v, err := verify.New(verify.Options{JWKSURL: f.jwks.URL, Clock: f.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	f.is(t, f.good(), nil)
	f.verifier = v
	f.is(t, f.good(), verify.ErrInvalid)
	f.is(t, f.compact(f.header(), f.claimsWith(goodIss, `"iss":"latchkey"`, goodAud, `"aud":"latchkey"`)), nil)
}

// Not parallel: allocations are counted for the whole process.
func TestTJWT44_overlongTokenIsRefusedWithoutParsing(t *testing.T) {
	f := newForge(t)
	for name, compact := range map[string]string{"4097 bytes": f.sized(4097), "a megabyte of dots": strings.Repeat(".", 1<<20)} {
		if n := testing.AllocsPerRun(20, func() { _, _ = f.verifier.Verify(t.Context(), compact) }); n != 0 {
			t.Errorf("%s: %v allocations, want none", name, n)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	f := newForge(b)
	compact := f.good()
	for b.Loop() {
		if _, err := f.verifier.Verify(b.Context(), compact); err != nil {
			b.Fatal(err)
		}
	}
}
