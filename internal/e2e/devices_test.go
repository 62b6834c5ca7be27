package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// listed is one entry of the list of sessions.
type listed struct {
	ID         int64   `json:"id"`
	IP         string  `json:"ip"`
	UserAgent  string  `json:"user_agent"`
	DeviceName string  `json:"device_name"`
	Platform   string  `json:"platform"`
	CreatedAt  float64 `json:"created_at"`
	LastSeenAt float64 `json:"last_seen_at"`
	IsCurrent  bool    `json:"is_current"`
}

func (a answer) sessions() []listed {
	a.t.Helper()
	var got struct{ Data []listed }
	if err := json.Unmarshal([]byte(a.Body), &got); err != nil {
		a.t.Fatal(err)
	}
	return got.Data
}

func (w *world) signInFrom(email string, headers ...string) entry {
	w.t.Helper()
	a := w.call("POST", loginPath, credentials(email, goodPassword), headers...).wants(200)
	return entry{a.text("meta.session_token"), a.text("meta.access_token"), a.text("meta.refresh_token")}
}

func TestSessions_showEveryDevice(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	w.signedUp("eve@example.com")
	w.clock.Advance(time.Minute)
	phone := w.signInFrom("ada@example.com", "User-Agent: ExampleApp/2 CFNetwork/1568 Darwin/24", "X-Device-Name: Ada\u2019s iPhone\tone")
	w.clock.Advance(time.Minute)
	w.signInFrom("ada@example.com", "User-Agent: okhttp/4.12 "+strings.Repeat("x", 300), "X-Device-Name: "+strings.Repeat("n", 80))
	list := w.call("GET", sessionsPath, "", bearer(phone.access)).wants(200).sessions()
	if len(list) != 3 {
		t.Fatalf("%d sessions", len(list))
	}
	android, ios := list[0], list[1]
	if ios.DeviceName != "Ada\u2019s iPhoneone" || ios.Platform != "ios" || !ios.IsCurrent || ios.IP != "127.0.0.1" || ios.LastSeenAt <= ios.CreatedAt-1 {
		t.Errorf("phone: %+v", ios)
	}
	if android.Platform != "android" || android.IsCurrent || len(android.UserAgent) != 200 || len(android.DeviceName) != 64 {
		t.Errorf("android: %+v", android)
	}
	if sid := claims(t, phone.access)["sid"]; fmt.Sprint(ios.ID) == sid || ios.ID < 1 || ios.ID >= 1<<52 {
		t.Errorf("id %d, sid %v", ios.ID, sid)
	}
}

func TestSessions_theOwnOnesCanBeEnded(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("eve@example.com")
	eve := w.signInFrom("eve@example.com")
	w.signedUp("ada@example.com")
	a, b := w.signInFrom("ada@example.com"), w.signInFrom("ada@example.com")
	ids := func(e entry) (current int64, others []int64) {
		for _, l := range w.call("GET", sessionsPath, "", bearer(e.access)).wants(200).sessions() {
			if l.IsCurrent {
				current = l.ID
			} else {
				others = append(others, l.ID)
			}
		}
		return current, others
	}
	foreign, _ := ids(eve)
	idB, _ := ids(b)
	end := func(e entry, list string) answer {
		return w.call("DELETE", sessionsPath, `{"sessions":`+list+`}`, bearer(e.access))
	}
	end(a, fmt.Sprintf("[%d,%d]", idB, foreign)).wants(400, "invalid_choice@sessions")
	end(a, "[]").wants(400, "required@sessions")
	end(a, "7").wants(400, "invalid_list@sessions")
	end(a, `["x"]`).wants(400, "invalid_pk_value@sessions")
	end(a, "null").wants(400, "required@sessions")
	w.call("GET", sessionPath, "", bearer(b.access)).wants(200) // none was ended

	if left := end(a, fmt.Sprintf("[%d]", idB)).wants(200).sessions(); len(left) != 2 {
		t.Errorf("%d sessions left", len(left))
	}
	if r := w.call("GET", sessionPath, "", bearer(b.access)).wants(401).text("meta.end_reason"); r != "session_ended" {
		t.Errorf("reason %q", r)
	}
	w.spend(b.refresh, "").wants(400, "session_ended@refresh")
	idA, others := ids(a)
	if out := end(a, fmt.Sprintf("[%d,%d]", idA, others[0])).wants(401); out.get("meta.is_authenticated") != false {
		t.Errorf("one's own session: %s", out.Body)
	}
	w.call("GET", sessionsPath, "", bearer(a.access)).wants(401)
	w.call("GET", sessionPath, "", bearer(eve.access)).wants(200)
}

func TestSEC29_theOldestOfMoreThanFiftySessionsEnds(t *testing.T) {
	t.Parallel()
	w := start(t)
	first := w.signedUp("ada@example.com").Tokens()
	w.exec(`INSERT INTO sessions (id, listing_id, token_hash, user_id, created_at, expires_at, generation, rotated_at, refresh_expires_at,
			sends_idempotency_keys, last_seen_at, user_agent, device_name, methods)
		SELECT gen_random_uuid(), 1000 + n, sha256(n::text::bytea), user_id, created_at + n * interval '1 second', expires_at, 1, rotated_at,
			refresh_expires_at, false, last_seen_at, '', '', '[]' FROM sessions, generate_series(1, 49) n`)
	w.call("GET", sessionPath, "", bearer(first.Access)).wants(200)
	w.clock.Advance(time.Minute)
	w.signIn("ada@example.com")
	if r := w.call("GET", sessionPath, "", bearer(first.Access)).wants(401).text("meta.end_reason"); r != "session_ended" {
		t.Errorf("reason %q", r)
	}
	if n := query[int](w, "SELECT count(*) FROM sessions WHERE ended_at IS NULL"); n != 50 {
		t.Errorf("%d living sessions", n)
	}
}

func TestSEC86_theClientsAddressIsReadFromTheRight(t *testing.T) {
	t.Parallel()
	w := start(t)
	seen := func(headers ...string) string {
		w.t.Helper()
		e := w.signInFrom("ada@example.com", headers...)
		return w.call("GET", sessionsPath, "", bearer(e.access)).wants(200).sessions()[0].IP
	}
	w.signedUp("ada@example.com")
	w.clock.Advance(time.Second)
	if ip := seen("X-Forwarded-For: 203.0.113.7"); ip != "127.0.0.1" {
		t.Errorf("a header of a stranger was believed: %s", ip)
	}
	w.app, w.url = w.serve("LATCHKEY_TRUSTED_PROXIES=127.0.0.0/8, 10.0.0.0/8, 2001:db8::1")
	for forwarded, want := range map[string]string{
		"203.0.113.7":                                    "203.0.113.7",
		"6.6.6.6, 203.0.113.7":                           "203.0.113.7",
		"6.6.6.6, 203.0.113.7, 10.1.2.3":                 "203.0.113.7",
		"203.0.113.7, 2001:db8::1":                       "203.0.113.7",
		"2001:db8::7":                                    "2001:db8::7",
		"::ffff:203.0.113.7":                             "203.0.113.7",
		"[2001:db8::7]:4711":                             "2001:db8::7",
		"203.0.113.7, garbage":                           "127.0.0.1",
		"garbage, 203.0.113.7":                           "203.0.113.7",
		"10.9.9.9, 10.1.2.3":                             "10.9.9.9",
		strings.Repeat("6.6.6.6, ", 100) + "203.0.113.7": "203.0.113.7",
	} {
		w.clock.Advance(time.Second)
		if ip := seen("X-Forwarded-For: " + forwarded); ip != want {
			t.Errorf("%.60s: %s, want %s", forwarded, ip, want)
		}
	}
}
