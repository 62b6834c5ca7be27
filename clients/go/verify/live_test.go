package verify_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/clients/contract/devserver"
	"github.com/latchkey-auth/latchkey/clients/go/verify"
)

// send makes a call and returns the answer's meta.
func send(t *testing.T, method, url, bearer, body string) (int, map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var a struct{ Meta map[string]any }
	if err := json.NewDecoder(answer.Body).Decode(&a); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, a.Meta
}

func TestVerify_againstARealServer(t *testing.T) {
	t.Parallel()
	url := devserver.Start(t)
	plain, err := verify.New(verify.Options{BaseURL: url})
	if err != nil {
		t.Fatal(err)
	}
	asking, err := verify.New(verify.Options{BaseURL: url, CheckSession: true, SessionAge: -1})
	if err != nil {
		t.Fatal(err)
	}
	api := url + "/_allauth/app/v1/auth/"
	status, meta := send(t, http.MethodPost, api+"signup", "", `{"email":"verify@example.com","password":"a long enough password"}`)
	access, _ := meta["access_token"].(string)
	refresh, _ := meta["refresh_token"].(string)
	session, _ := meta["session_token"].(string)
	if status != 200 || access == "" || refresh == "" || session == "" {
		t.Fatalf("sign-up: %d", status)
	}
	f := &forge{verifier: plain}
	a := &forge{verifier: asking}
	if c := f.is(t, access, nil); c.Subject == "" || c.SessionID == "" {
		t.Errorf("%+v", c)
	}
	a.is(t, access, nil)
	for _, other := range []string{refresh, session} {
		f.is(t, other, verify.ErrInvalid)
	}
	if status, _ := send(t, http.MethodDelete, api+"session", access, ""); status != 401 {
		t.Fatalf("sign-out: %d", status)
	}
	a.is(t, access, verify.ErrInvalid) // at once
	f.is(t, access, nil)               // until it expires: what CheckSession is for
}
