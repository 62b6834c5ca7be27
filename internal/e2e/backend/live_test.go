package backend

import (
	"encoding/json"
	"errors"
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
	if c, err := plain.Verify(t.Context(), access); err != nil || c.Subject == "" || c.SessionID == "" {
		t.Errorf("the access token: %+v, %v", c, err)
	}
	if _, err := asking.Verify(t.Context(), access); err != nil {
		t.Errorf("the access token, with its session: %v", err)
	}
	for name, other := range map[string]string{"refresh": refresh, "session": session} {
		if c, err := plain.Verify(t.Context(), other); !errors.Is(err, verify.ErrInvalid) || c.Subject != "" {
			t.Errorf("the %s token: got %+v, %v, want a refusal", name, c, err)
		}
	}

	if status, _ := send(t, http.MethodDelete, api+"session", access, ""); status != 401 {
		t.Fatalf("sign-out: %d", status)
	}
	if _, err := asking.Verify(t.Context(), access); !errors.Is(err, verify.ErrInvalid) {
		t.Errorf("after the sign-out, asked for: got %v, want a refusal at once", err)
	}
	if _, err := plain.Verify(t.Context(), access); err != nil {
		t.Errorf("after the sign-out: got %v, want none until it expires, which is what CheckSession is for", err)
	}
}
