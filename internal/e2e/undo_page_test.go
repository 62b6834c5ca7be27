package e2e

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// page asks for the undo page of a key, as a browser does: it is no operation of the spec.
func (w *world) page(method, key string, headers ...string) answer {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.url+undoPage+key, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if method == "POST" { // what a browser sends with a form without fields
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}

	got, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		w.t.Fatal(err)
	}

	return readAnswer(w.t, got)
}

// shows fails unless a page has the status and says all of this.
func (a answer) shows(status int, texts ...string) answer {
	a.t.Helper()
	if a.Status != status || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
		a.t.Fatalf("status %d %s, want %d: %s", a.Status, a.Header.Get("Content-Type"), status, a.Body)
	}
	for _, text := range texts {
		if !strings.Contains(a.Body, text) {
			a.t.Errorf("the page does not say %q: %s", text, a.Body)
		}
	}

	return a
}

// The page shows what the link would undo, and undoes it by the form on it. Opening it, as the
// scanner of a mailbox does, changes nothing.
func TestUndoPage_showsAndUndoes(t *testing.T) {
	t.Parallel()
	w, v := undoing(t)
	key := w.changed(v)

	before := w.accountRows()
	w.page("GET", key).shows(200, "Undo changes to your account", "a•••@example.com", "The password was changed", "an unknown device", `<form method="post"><button type="submit">`)
	w.page("HEAD", key).shows(200)
	w.page("GET", key, "Accept-Language: de-AT, en;q=0.5").shows(200, `lang="de"`, "Das Passwort wurde geändert", "Änderungen rückgängig machen")
	if after := w.accountRows(); after != before {
		t.Error("opening the page changed something")
	}

	w.page("POST", key).shows(200, "Your account is restored", "We sent a link to a•••@example.com")
	v.do("GET", sessionPath, "").wants(401)
	w.page("POST", key).shows(400, "This link does not work", "It was already used")
	w.page("GET", key).shows(400, "It was already used")
	w.page("GET", strings.Repeat("x", 43)).shows(400, "It may have expired")
	w.call("PUT", undoPage+key, "").wants(405, "method_not_allowed")
	w.call("GET", undoPage, "").wants(404, "not_found")

	w.delivered()
	letters := w.letters(ada)
	w.visitor().post(resetPath, "key", linkAlone.FindStringSubmatch(letters[len(letters)-2].text)[1], "password", anotherWord).wants(401)
}

var styled = regexp.MustCompile(`(?s)<style>(.*)</style>`)

// Nothing on the page runs, nothing frames it, nobody learns its address, and nothing keeps it.
func TestUndoPage_runsNothingAndIsKeptNowhere(t *testing.T) {
	t.Parallel()
	w, v := undoing(t)
	key := w.changed(v)

	for name, a := range map[string]answer{
		"shown":   w.page("GET", key),
		"unknown": w.page("GET", "x"),
		"undone":  w.page("POST", key),
	} {
		for header, want := range map[string]string{
			"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
		} {
			if got := a.Header.Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", name, header, got, want)
			}
		}
		policy := a.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: no %s in %q", name, want, policy)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "script-src") {
			t.Errorf("%s: %q", name, policy)
		}
		for _, bad := range []string{"<script", " style=", " onclick", "http:", "https:", "<img", "<link", key} {
			if strings.Contains(a.Body, bad) {
				t.Errorf("%s: %s is on the page", name, bad)
			}
		}
		if m := styled.FindStringSubmatch(a.Body); m == nil || !strings.Contains(policy, "'sha256-"+digest(m[1])+"'") {
			t.Errorf("%s: the style is not the one that the policy allows", name)
		}
	}
	if strings.Contains(w.log.String(), key) {
		t.Error("the key stands in the log")
	}
}

// By code, the page says what to do in the app: a code belongs to a session, and the page has none.
func TestUndoPage_byCodeTheAppGoesOn(t *testing.T) {
	t.Parallel()
	w, v := undoing(t, "ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED=true")
	w.page("POST", w.changed(v)).shows(200, "choose “Forgot password”")
}

func TestUndoPage_isLimited(t *testing.T) {
	t.Parallel()
	w := limited(t, `ACCOUNT_RATE_LIMITS={"account_undo":"2/m/ip"}`)
	w.page("GET", "x").shows(400)
	w.page("POST", "x").shows(400)
	if a := w.page("GET", "x").shows(429, "too many attempts"); a.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

func TestUndoPage_saysSoWhereTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.cut()
	if a := w.page("GET", "x").shows(503, "Nothing has been changed"); a.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	w.call("GET", undoPath, "", "X-Account-Undo-Key: x").wants(503, "temporarily_unavailable")
	w.call("POST", undoPath, object("key", "x")).wants(503, "temporarily_unavailable")
	w.mend()
}

// Where links lead: to the app's own screen, or to the page below the public address.
func TestUndo_whereTheLinkLeads(t *testing.T) {
	t.Parallel()

	for name, row := range map[string]struct{ setting, wants string }{
		"the public address":      {"LATCHKEY_PUBLIC_URL=https://id.example.com/auth/", "https://id.example.com/auth/account/undo/"},
		"the issuer":              {"LATCHKEY_ISSUER=https://id.example.com", "https://id.example.com/account/undo/"},
		"the app":                 {`HEADLESS_FRONTEND_URLS={"account_undo":"myapp://undo/{key}"}`, "myapp://undo/"},
		"nowhere":                 {"LATCHKEY_ISSUER=latchkey", ""},
		"an issuer without https": {"LATCHKEY_ISSUER=http://id.example.com", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := mailing(t, "ACCOUNT_EMAIL_VERIFICATION=none", row.setting)
			v := w.signedIn(ada)
			w.markVerified(ada)
			v.post(changePath, "current_password", goodPassword, "new_password", anotherPassword).wants(200)
			w.delivered()

			text := w.letter(ada, len(w.letters(ada))).text
			link := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(row.wants) + `[A-Za-z0-9_-]{43}$`)
			if row.wants != "" && !link.MatchString(text) {
				t.Errorf("no link to %s in %q", row.wants, text)
			}
			if row.wants == "" && (strings.Contains(text, "undo") || !strings.Contains(text, "set a new password now")) {
				t.Errorf("%q", text)
			}
			if warned := strings.Contains(w.log.String(), "carry no undo link"); warned != (row.wants == "") {
				t.Errorf("warned at the start: %t", warned)
			}
		})
	}
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))

	return base64.StdEncoding.EncodeToString(sum[:])
}
