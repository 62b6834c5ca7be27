package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/config"
)

const webOrigin, viewOrigin = "https://app.example.com", "capacitor://localhost"

// from is a request as a browser sends it for a page of an origin.
func (w *world) from(origin, method, path, body string, headers ...string) answer {
	w.t.Helper()
	return w.call(method, path, body, append(headers, "Origin: "+origin)...)
}

func TestCORS_listedOriginsReadAnswers(t *testing.T) {
	t.Parallel()
	w := start(t, "LATCHKEY_CORS_ORIGINS="+webOrigin+","+viewOrigin)
	w.signedUp(ada)
	for _, origin := range []string{webOrigin, viewOrigin} {
		for _, a := range []answer{
			w.from(origin, "POST", loginPath, credentials(ada, goodPassword)).wants(200),
			w.from(origin, "POST", loginPath, credentials(ada, "wrong")).wants(400),
			w.from(origin, "GET", sessionPath, "").wants(401),
			w.from(origin, "GET", "/.well-known/jwks.json", "").wants(200),
			w.from(origin, "GET", root+"nothing", "").wants(404),
		} {
			if got := a.Header.Get("Access-Control-Allow-Origin"); got != origin {
				t.Errorf("%d: allowed is %q", a.Status, got)
			}
			if !slices.Contains(a.Header.Values("Vary"), "Origin") || a.Header.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%d: %v", a.Status, a.Header)
			}
			if !strings.Contains(a.Header.Get("Access-Control-Expose-Headers"), "Retry-After") {
				t.Errorf("%d: exposed is %q", a.Status, a.Header.Get("Access-Control-Expose-Headers"))
			}
		}
	}
}

func TestCORS_aPreflightSaysWhatAnAppMaySend(t *testing.T) {
	t.Parallel()
	w := start(t, "LATCHKEY_CORS_ORIGINS="+webOrigin, `ACCOUNT_RATE_LIMITS={"login":"1/h/ip"}`)
	for range 3 { // no rate limit counts them
		h := w.preflight(webOrigin, loginPath)
		if h.Get("Access-Control-Allow-Origin") != webOrigin || h.Get("Access-Control-Max-Age") == "" {
			t.Fatalf("%v", h)
		}
		for _, name := range []string{"Authorization", "Content-Type", "Idempotency-Key", "X-Session-Token", "X-Latchkey-Device", "X-Email-Verification-Key"} {
			if !strings.Contains(h.Get("Access-Control-Allow-Headers"), name) {
				t.Errorf("%s may not be sent: %v", name, h)
			}
		}
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			if !strings.Contains(h.Get("Access-Control-Allow-Methods"), method) {
				t.Errorf("%s may not be sent: %v", method, h)
			}
		}
	}
	w.from(webOrigin, "POST", loginPath, credentials(ada, goodPassword)).wants(400)
}

func (w *world) preflight(origin, path string) http.Header {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), "OPTIONS", w.url+path, http.NoBody)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Origin", origin)
	r.Header.Set("Access-Control-Request-Method", "POST")
	r.Header.Set("Access-Control-Request-Headers", "content-type")
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	_ = a.Body.Close()
	return a.Header
}

// An origin that is not listed, a page of the server, and a server without a list: no header.
func TestCORS_nobodyElseReadsAnything(t *testing.T) {
	t.Parallel()
	listed, without := start(t, "LATCHKEY_CORS_ORIGINS="+webOrigin, publicURL), start(t)
	for _, origin := range []string{"https://evil.example", "http://app.example.com", "https://app.example.com:8443", "https://app.example.com.evil.example", "null", viewOrigin} {
		if h := listed.preflight(origin, loginPath); h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s is allowed: %v", origin, h)
		}
		if a := listed.from(origin, "GET", sessionPath, ""); a.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s reads: %v", origin, a.Header)
		}
	}
	if h := without.preflight(webOrigin, loginPath); h.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("without a list: %v", h)
	}
	if h := listed.preflight(webOrigin, "/account/undo/x"); h.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a page of the server: %v", h)
	}
}

func TestCORS_theListHasOriginsAlone(t *testing.T) {
	t.Parallel()
	for _, wrong := range []string{
		"*", "null", "app.example.com", "https://app.example.com/", "https://app.example.com/x", "https://*.example.com", "https://App.example.com", "https://a@b.example", "//x",
		"https://app.example.com:443", "http://localhost:80", "https://app.example.com:", "https://bücher.example", "https://app.example.com?x", "https://app.example.com#",
	} {
		_, _, err := config.Read(config.Environment{"LATCHKEY_CORS_ORIGINS": wrong})
		if err == nil || !strings.Contains(err.Error(), "LATCHKEY_CORS_ORIGINS") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	if _, _, err := config.Read(config.Environment{"LATCHKEY_CORS_ORIGINS": "capacitor://localhost,http://localhost,http://localhost:8081,https://app.example.com:8443,https://app.example.com,ionic://localhost,https://xn--bcher-kva.example,http://[::1]:8081"}); err != nil && strings.Contains(err.Error(), "CORS") {
		t.Error(err)
	}
}
