package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// logged are the lines of the request log so far.
func (w *world) logged() []map[string]any {
	w.t.Helper()
	var lines []map[string]any
	for text := range strings.Lines(w.log.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			w.t.Fatalf("%v: %s", err, text)
		}
		if line["msg"] == "request" {
			lines = append(lines, line)
		}
	}
	return lines
}

// A request is one JSON object that says when, what and why it was refused, and repeats
// nothing that the client sent.
func TestLog_aRequestIsOneLineThatNamesItsRefusal(t *testing.T) {
	t.Parallel()
	const marker = "sent-by-the-client"
	w := start(t, `ACCOUNT_RATE_LIMITS={"signup":"1/m/ip"}`)
	w.call("POST", signupPath, credentials(ada, goodPassword)).wants(200)

	refusals := []struct {
		name, method, path, body string
		status                   int
		code                     string
	}{
		{"wrong password", "POST", loginPath, credentials(ada, marker+wrongPassword), 400, "email_password_mismatch"},
		{"bad input", "POST", loginPath, credentials(marker, wrongPassword), 400, "invalid"},
		{"limit", "POST", signupPath, credentials("b@example.com", goodPassword), 429, "too_many_requests"},
		{"not signed in", "GET", profilePath, "", 401, "unauthenticated"},
		{"no such path", "GET", "/" + marker, "", 404, "http"},
	}
	for _, r := range refusals {
		t.Run(r.name, func(t *testing.T) {
			before := len(w.logged())
			a := w.call(r.method, r.path, r.body, "User-Agent: "+marker+"\\n{\"msg\":\"forged\"}").wants(r.status)

			lines := w.logged()
			if len(lines) != before+1 {
				t.Fatalf("%d lines, want 1", len(lines)-before)
			}
			line := lines[before]
			if line["status"] != float64(r.status) || line["code"] != r.code || line["id"] != a.Header.Get("X-Request-Id") {
				t.Errorf("got %v, want %d %s and the id of the answer", line, r.status, r.code)
			}
			if _, err := time.Parse(time.RFC3339Nano, line["time"].(string)); err != nil {
				t.Errorf("the time has no offset: %v", err)
			}
		})
	}
	if log := w.log.String(); strings.Contains(log, marker) || strings.Contains(log, "forged") || strings.Contains(log, ada) {
		t.Error("the log repeats what the client sent")
	}
}

// An operator learns why a sign-in or a token was refused; the client does not.
func TestLog_saysWhyASignInOrATokenIsRefused(t *testing.T) {
	t.Parallel()
	w := start(t)
	const carol = "carol@example.com"
	for _, address := range []string{ada, grace, carol} {
		w.signedUp(address)
	}
	w.exec("UPDATE users SET disabled_at = now() WHERE id = (SELECT user_id FROM email_addresses WHERE address = $1)", grace)
	w.exec("UPDATE users SET password_hash = NULL WHERE id = (SELECT user_id FROM email_addresses WHERE address = $1)", carol)
	e := w.signIn(ada)
	elsewhere := start(t)
	elsewhere.signedUp(ada)
	foreign := elsewhere.signIn(ada)

	requests := map[string]func() answer{
		"no_such_user":         func() answer { return w.call("POST", loginPath, credentials("zoe@example.com", goodPassword)) },
		"wrong_password":       func() answer { return w.call("POST", loginPath, credentials(ada, wrongPassword)) },
		"account_disabled":     func() answer { return w.call("POST", loginPath, credentials(grace, goodPassword)) },
		"no_password":          func() answer { return w.call("POST", loginPath, credentials(carol, goodPassword)) },
		"token_malformed":      func() answer { return w.call("GET", profilePath, "", bearer("nonsense")) },
		"token_of_other_use":   func() answer { return w.call("GET", profilePath, "", bearer(e.refresh)) },
		"token_signature":      func() answer { return w.call("GET", profilePath, "", bearer(cutSignature(e.access))) },
		"token_of_unknown_key": func() answer { return w.call("GET", profilePath, "", bearer(foreign.access)) },
	}
	for reason, request := range requests {
		a := request()
		if got := w.lastReason(); got != reason {
			t.Errorf("the log says %v, want %s", got, reason)
		}
		if strings.Contains(a.Body, reason) {
			t.Errorf("the client learns %s: %s", reason, a.Body)
		}
	}

	w.spend(e.access, "").wants(400, "refresh_token_invalid@refresh")
	if got := w.lastReason(); got != "token_of_other_use" {
		t.Errorf("of an access token that was to be refreshed the log says %v", got)
	}
	w.clock.Advance(6 * time.Minute)
	w.call("GET", profilePath, "", bearer(e.access)).wants(401)
	if got := w.lastReason(); got != "token_expired" {
		t.Errorf("of an old access token the log says %v", got)
	}

	reasons := query[string](w, "SELECT string_agg(DISTINCT details->>'reason', ' ') FROM audit_events WHERE event = 'login' AND result = 'failure'")
	if reasons != "account_disabled no_password no_such_user wrong_password" {
		t.Errorf("the audit log says %q", reasons)
	}
}

// lastReason is the reason in the last line of the request log; nil for none.
func (w *world) lastReason() any {
	w.t.Helper()
	lines := w.logged()

	return lines[len(lines)-1]["reason"]
}

// cutSignature is a token with a signature that is not its own.
func cutSignature(token string) string {
	at := len(token) - 20
	other := "A"
	if token[at] == 'A' {
		other = "B"
	}

	return token[:at] + other + token[at+1:]
}
