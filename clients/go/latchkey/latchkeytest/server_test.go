package latchkeytest_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/latchkey-auth/latchkey/clients/go/latchkey"
	"github.com/latchkey-auth/latchkey/clients/go/latchkey/latchkeytest"
	"github.com/latchkey-auth/latchkey/clients/go/verify"
)

var ada = latchkeytest.User{
	Email: "ada@example.com", Phone: "+31612345678", Username: "ada", Password: "a long enough password", Display: "Ada",
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestServer_signsInByEachIdentifier(t *testing.T) {
	fake := latchkeytest.New(t, ada)
	for name, by := range map[string]latchkey.LoginRequest{
		"address": {Email: "ADA@example.com"}, "number": {Phone: ada.Phone}, "user name": {Username: "Ada"},
	} {
		t.Run(name, func(t *testing.T) {
			session, err := latchkey.NewSession(fake.URL)
			must(t, err)
			by.Password = "wrong"
			var refused *latchkey.Error
			if _, err := session.SignInWith(t.Context(), by); !errors.As(err, &refused) || refused.Undocumented {
				t.Errorf("a wrong password: %v", err)
			}
			by.Password = ada.Password
			entry, err := session.SignInWith(t.Context(), by)
			if err != nil || entry.Display != "Ada" {
				t.Fatalf("%+v, %v", entry, err)
			}
			must(t, session.SignOut(t.Context()))
		})
	}
	if n := fake.Live(ada.Email); n != 0 {
		t.Errorf("%d sessions live after the sign-outs", n)
	}
}

func TestServer_asksForTheSecondFactor(t *testing.T) {
	careful := ada
	careful.Code = "314159"
	fake := latchkeytest.New(t, careful)
	session, err := latchkey.NewSession(fake.URL)
	must(t, err)
	entry, err := session.SignIn(t.Context(), ada.Email, ada.Password)
	if err != nil || entry.SecondFactor() == nil {
		t.Fatalf("%+v, %v", entry, err)
	}
	var refused *latchkey.Error
	_, err = session.SubmitSecondFactor(t.Context(), "000000")
	if !errors.As(err, &refused) || !refused.Has("incorrect_code") {
		t.Errorf("got %v", err)
	}
	entry, err = session.SubmitSecondFactor(t.Context(), "314159")
	if err != nil || !entry.SignedIn() {
		t.Errorf("%+v, %v", entry, err)
	}
	if _, err := fake.Session(ada.Email).Profile(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestServer_refreshesAndEndsSessions(t *testing.T) {
	fake := latchkeytest.New(t, ada)
	session := fake.Session(ada.Email)
	fake.ExpireTokens()
	profile, err := session.Profile(t.Context())
	if err != nil || *profile.Email != ada.Email {
		t.Fatalf("%+v, %v", profile, err)
	}
	if !slices.Contains(fake.Requests(), "POST auth/token/refresh") {
		t.Errorf("asked %q", fake.Requests())
	}

	fake.End(ada.Email, "password_changed")
	var out *latchkey.SignedOutError
	if _, err := session.Profile(t.Context()); !errors.As(err, &out) || out.Reason != "password_changed" {
		t.Errorf("got %v", err)
	}
}

func TestServer_failsAsTold(t *testing.T) {
	fake := latchkeytest.New(t, ada)
	session := fake.Session(ada.Email)
	fake.Offline(true)
	var none *latchkey.NetworkError
	if err := session.Refresh(t.Context()); !errors.As(err, &none) {
		t.Errorf("offline: %v", err)
	}
	fake.Offline(false)
	session.Online()
	must(t, session.Refresh(t.Context()))

	fake.Answer(http.StatusServiceUnavailable)
	var refused *latchkey.Error
	if err := session.Refresh(t.Context()); !errors.As(err, &refused) || refused.Action != latchkey.ActionRetry {
		t.Errorf("503: %v", err)
	}
	if state, _ := session.State(); state != latchkey.StateSignedIn {
		t.Errorf("the state is %s", state)
	}
}

func TestServer_signsUpAndAdopts(t *testing.T) {
	fake := latchkeytest.New(t)
	first, err := latchkey.NewSession(fake.URL)
	must(t, err)
	_, err = first.SignUp(t.Context(), ada.Email, ada.Password)
	must(t, err)

	second, err := latchkey.NewSession(fake.URL)
	must(t, err)
	must(t, second.Adopt(t.Context(), latchkey.Tokens{Refresh: first.Tokens().Refresh}))
	_, err = second.Profile(t.Context())
	must(t, err)
	var out *latchkey.SignedOutError
	if err := first.Refresh(t.Context()); !errors.As(err, &out) || out.Reason != "refresh_token_reused" {
		t.Errorf("two clients with one token: %v", err)
	}
}

// An API of the app's own checks the tokens in either way.
func TestServer_signsTokensThatBackendsCheck(t *testing.T) {
	fake := latchkeytest.New(t, ada)
	verifier, err := verify.New(verify.Options{BaseURL: fake.URL})
	must(t, err)
	api := httptest.NewServer(verifier.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := verify.FromContext(r.Context())
		user, ok := fake.UserOf(r)
		if !ok || claims.Subject != string(user.ID) || user.Email != ada.Email {
			w.WriteHeader(http.StatusTeapot)
		}
	})))
	defer api.Close()

	session, err := latchkey.Open(fake.URL, latchkey.Settings{Origins: []string{api.URL}})
	must(t, err)
	_, err = session.SignIn(t.Context(), ada.Email, ada.Password)
	must(t, err)
	client := &http.Client{Transport: session.Transport(nil)}
	answer, err := client.Get(api.URL + "/orders")
	must(t, err)
	must(t, answer.Body.Close())
	if answer.StatusCode != http.StatusOK {
		t.Errorf("status %d", answer.StatusCode)
	}
}
