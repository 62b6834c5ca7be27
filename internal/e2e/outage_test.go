package e2e

import (
	"encoding/json"
	"strconv"
	"testing"
)

// every is a call of each operation that needs the database, with good input.
func (w *world) every(e entry) map[string]func(*world) answer {
	with := bearer(e.access)
	return map[string]func(*world) answer{
		"getConfig":            func(w *world) answer { return w.call("GET", configPath, "", with) },
		"signup":               func(w *world) answer { return w.call("POST", signupPath, credentials("new@example.com", goodPassword)) },
		"login":                func(w *world) answer { return w.call("POST", loginPath, credentials("ada@example.com", goodPassword)) },
		"getSession":           func(w *world) answer { return w.call("GET", sessionPath, "", with) },
		"getSession token":     func(w *world) answer { return w.call("GET", sessionPath, "", "X-Session-Token: "+e.session) },
		"refreshToken":         func(w *world) answer { return w.call("POST", refreshPath, `{"refresh":"`+e.refresh+`"}`) },
		"exchangeSessionToken": func(w *world) answer { return w.exchange(e.session, "") },
		"refreshTokenPair":     func(w *world) answer { return w.call("POST", pairPath, `{"refresh_token":"`+e.refresh+`"}`) },
		"getProfile":           func(w *world) answer { return w.call("GET", profilePath, "", with) },
		"updateProfile":        func(w *world) answer { return w.call("PATCH", profilePath, `{"display":"x"}`, with) },
		"listSessions":         func(w *world) answer { return w.call("GET", sessionsPath, "", with) },
		"endSessions":          func(w *world) answer { return w.call("DELETE", sessionsPath, `{"sessions":[1]}`, with) },
		"endSession":           func(w *world) answer { return w.call("DELETE", sessionPath, "", with) },
	}
}

// examples calls every operation that documents 503 with the spec's own example.
func (w *world) examples(with string) map[string]answer {
	w.t.Helper()
	answers := map[string]answer{}
	for path, item := range spec.paths() {
		for method, op := range item.Operations() {
			if op.Responses.Value("503") == nil || op.Security != nil && len(*op.Security) == 0 {
				continue
			}
			body := ""
			if op.RequestBody != nil {
				text, err := json.Marshal(op.RequestBody.Value.Content["application/json"].Example)
				if err != nil {
					w.t.Fatal(err)
				}
				body = string(text)
			}
			credential := with
			if op.OperationID == "exchangeSessionToken" { // it looks at nothing else
				credential = withSessionToken("any")
			}
			answers[op.OperationID] = w.call(method, path, body, credential)
		}
	}
	return answers
}

// TestTCHA02_anOutageSignsNobodyOut cuts the database off for every operation: only 503
// with Retry-After, and everything is as it was when it is back.
func TestTCHA02_anOutageSignsNobodyOut(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	e := w.signIn("ada@example.com")
	w.cut()
	for name, call := range w.every(e) {
		a := call(w).wants(503, "temporarily_unavailable")
		if n, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || n < 1 {
			t.Errorf("%s: Retry-After: %q", name, a.Header.Get("Retry-After"))
		}
	}
	for id, a := range w.examples(bearer(e.access)) {
		if a.wants(503, "temporarily_unavailable"); a.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", id)
		}
	}
	w.call("POST", providerNoncePath, "").wants(503, "temporarily_unavailable")
	w.call("GET", configPath, "").wants(200) // what needs no database goes on
	w.call("GET", jwksPath, "").wants(200)
	w.mend()
	w.call("GET", profilePath, "", bearer(e.access)).wants(200)
	w.spend(e.refresh, "").wants(200)
}

// cut makes the world's database unreachable: connections end, new ones are refused.
func (w *world) cut() {
	w.t.Helper()
	w.admin("ALTER DATABASE " + w.name() + " ALLOW_CONNECTIONS false")
	w.admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + w.name() + "'")
}

func (w *world) mend() {
	w.t.Helper()
	w.admin("ALTER DATABASE " + w.name() + " ALLOW_CONNECTIONS true")
}

func TestTCHA04_aReadOnlyDatabaseStillTellsWhoIsSignedIn(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	e := w.signIn("ada@example.com")
	w.admin("ALTER DATABASE " + w.name() + " SET default_transaction_read_only = on")
	w.admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + w.name() + "'")
	w.call("GET", sessionPath, "", bearer(e.access)).wants(200) // also the first one, which would confirm
	w.call("GET", profilePath, "", "X-Session-Token: "+e.session).wants(200)
	w.call("POST", loginPath, credentials("ada@example.com", goodPassword)).wants(503)
	w.call("POST", loginPath, credentials("ada@example.com", "a wrong password")).wants(503) // the failure could not be recorded
	w.spend(e.refresh, "").wants(503)
	w.call("DELETE", sessionPath, "", bearer(e.access)).wants(503)
	w.admin("ALTER DATABASE " + w.name() + " RESET default_transaction_read_only")
	w.admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + w.name() + "'")
	w.persistent(func() answer { return w.spend(e.refresh, "") }).wants(200)
}

// persistent repeats a call as a client would after 503: each attempt costs the pool one
// dead connection, and it has six.
func (w *world) persistent(call func() answer) answer {
	w.t.Helper()
	a := call()
	for range 6 {
		if a.Status != 503 {
			break
		}
		a = call()
	}
	return a
}

func TestTCHA05_anExhaustedPoolIs503WithinItsBudget(t *testing.T) {
	t.Parallel()
	w := start(t)
	e := w.signedUp("ada@example.com").Tokens()
	lock := w.connect()
	defer func() { _ = lock.Close(t.Context()) }()
	if _, err := lock.Exec(t.Context(), "BEGIN; LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	answers := make(chan answer, 30)
	for range cap(answers) { // six connections wait for the lock, the rest for a connection
		go func() { answers <- w.call("GET", profilePath, "", bearer(e.Access)) }()
	}
	for range cap(answers) {
		(<-answers).wants(503, "temporarily_unavailable")
	}
	if _, err := lock.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	w.call("GET", profilePath, "", bearer(e.Access)).wants(200)
}

func TestF30_aSchemaOfAnotherVersionIs503(t *testing.T) {
	t.Parallel()
	w := start(t)
	e := w.signedUp("ada@example.com").Tokens()
	w.exec("ALTER VIEW session_details RENAME TO away")
	w.call("GET", profilePath, "", bearer(e.Access)).wants(503)
	w.exec("ALTER VIEW away RENAME TO session_details")
	w.call("GET", profilePath, "", bearer(e.Access)).wants(200)
}
