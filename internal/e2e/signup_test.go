package e2e

import (
	"strings"
	"sync"
	"testing"
)

func TestSignup_makesAnAccountAndSignsIn(t *testing.T) {
	t.Parallel()
	w := start(t)
	a := w.call("POST", signupPath, credentials(" Ada.Lovelace@Example.com", " "+goodPassword+" ")).wants(200)
	if a.text("data.user.email") != "ada.lovelace@example.com" || a.text("data.user.display") != "ada.lovelace" {
		t.Errorf("user: %s", a.Body)
	}
	if methods, ok := a.get("data.methods").([]any); !ok || len(methods) != 0 {
		t.Errorf("sign-up proves nothing, methods should be []: %s", a.Body)
	}
	for _, name := range []string{"session_token", "access_token", "refresh_token"} {
		if a.text("meta."+name) == "" {
			t.Errorf("no %s", name)
		}
	}
	w.call("POST", loginPath, credentials("ada.lovelace@example.com", goodPassword)).wants(200)
}

func TestSignup_tellsWhatIsWrongWithTheInput(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("taken@example.com")
	for body, want := range map[string]string{
		`{}`:                                                        "required@email required@password",
		credentials("ada", "short"):                                 "invalid@email password_too_short@password",
		credentials("a@b.co", "123456"):                             "password_too_short@password password_too_common@password password_entirely_numeric@password",
		credentials("a@b.co", "password1234"):                       "password_too_common@password",
		credentials("taken@example.com", goodPassword):              "email_taken@email",
		credentials("TAKEN@example.com", goodPassword):              "email_taken@email",
		credentials(strings.Repeat("a", 250)+"@b.co", goodPassword): "max_length@email",
	} {
		w.call("POST", signupPath, body).wants(400, strings.Fields(want)...)
	}
}

func TestSignup_badInputComesBeforeClosedAndSignedIn(t *testing.T) {
	t.Parallel()
	w := start(t)
	with := bearer(w.signedUp("ada@example.com").Tokens().Access)
	w.call("POST", signupPath, credentials("new@example.com", "x"), with).wants(400)
	w.call("POST", signupPath, credentials("new@example.com", goodPassword), with).wants(409, "already_authenticated")

	closed := start(t, "LATCHKEY_SIGNUP_OPEN=False")
	closed.call("POST", signupPath, credentials("new@example.com", "x")).wants(400)
	closed.call("POST", signupPath, credentials("new@example.com", goodPassword)).wants(403, "signup_closed")
	if a := closed.call("GET", configPath, "").wants(200); a.get("data.account.is_open_for_signup") != false {
		t.Errorf("config: %s", a.Body)
	}
	if a := closed.call("GET", sessionPath, "").wants(401); strings.Contains(a.Body, "signup") {
		t.Errorf("a closed sign-up is offered as a flow: %s", a.Body)
	}
}

func TestSignup_oneAddressSignedUpInParallelBecomesOneAccount(t *testing.T) {
	t.Parallel()
	w := start(t)
	var wg sync.WaitGroup
	statuses := make([]int, 6)
	for i := range statuses {
		wg.Go(func() { // on a busy machine some are turned away at first, and come back
			statuses[i] = w.persistent(func() answer { return w.call("POST", signupPath, credentials("ada@example.com", goodPassword)) }).Status
		})
	}
	wg.Wait()
	made := 0
	for _, s := range statuses {
		if s == 200 {
			made++
		} else if s != 400 {
			t.Errorf("status %d", s)
		}
	}
	if n := query[int](w, "SELECT count(*) FROM users"); made != 1 || n != 1 {
		t.Errorf("%d answers of 200, %d users", made, n)
	}
}

func TestSignup_leavesNothingBehindWhenItFails(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.exec("ALTER TABLE sessions ADD CONSTRAINT never CHECK (false) NOT VALID")
	w.call("POST", signupPath, credentials("ada@example.com", goodPassword)).wants(500, "internal_error")
	if n := query[int](w, "SELECT count(*) FROM users"); n != 0 {
		t.Errorf("%d users were left behind", n)
	}
	if strings.Contains(w.log.String(), goodPassword) || strings.Contains(w.log.String(), "ada@example.com") {
		t.Errorf("the log shows what was submitted: %s", w.log)
	}
}
