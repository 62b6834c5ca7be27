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
