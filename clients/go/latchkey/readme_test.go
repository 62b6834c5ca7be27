package latchkey_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/clients/go/latchkey"
	"github.com/latchkey-auth/latchkey/clients/go/latchkey/latchkeytest"
)

// The functions have the blocks of clients/go/README.md, as they are there.

func readmeOpen(ctx context.Context, dir, serverURL, apiURL string) error {
	store, err := latchkey.NewFileStore(dir) // such as a folder below os.UserConfigDir
	if err != nil {
		return err
	}
	session, err := latchkey.Open(serverURL, latchkey.Settings{
		Store:      store,
		Origins:    []string{apiURL}, // APIs, beside the server, that get the access token
		DeviceName: "Ada's laptop",   // what the user's list of sessions shows
	})
	if err != nil {
		return err // an address that cannot work, say
	}

	if state, _ := session.State(); state == latchkey.StateSignedOut {
		if _, err := session.SignIn(ctx, "ada@example.com", "a long enough password"); err != nil {
			return err
		}
	}

	client := &http.Client{Transport: session.Transport(nil)}
	answer, err := client.Get(apiURL + "/orders") // adds the token, refreshes it, repeats once
	if err == nil {
		_ = answer.Body.Close()
	}

	return err
}

func readmeBy(ctx context.Context, session *latchkey.Session) error {
	_, err := session.SignInWith(ctx, latchkey.LoginRequest{Username: "ada", Password: "a long enough password"})
	if err != nil {
		return err
	}
	_, err = session.SignInWith(ctx, latchkey.LoginRequest{Phone: "+31612345678", Password: "a long enough password"})

	return err
}

func readmePending(ctx context.Context, session *latchkey.Session) error {
	entry, err := session.SignIn(ctx, "grace@example.com", "a long enough password")
	if err != nil {
		return err
	}
	if entry.SecondFactor() != nil {
		entry, err = session.SubmitSecondFactor(ctx, "314159") // of an authenticator app, or a recovery code
		if err != nil {
			return err // a wrong code, no answer: call it again with the next code
		}
	}
	if !entry.SignedIn() {
		fmt.Println("next:", entry.Pending[0].ID) // such as "verify_email"
	}

	return nil
}

func readmeErrors(ctx context.Context, session *latchkey.Session) error {
	err := session.Refresh(ctx)

	var out *latchkey.SignedOutError
	var offline *latchkey.NetworkError
	var wait *latchkey.WaitError
	var refused *latchkey.Error
	var store *latchkey.StoreError
	switch {
	case errors.As(err, &out):
		fmt.Println("signed out:", out.Reason) // "session_ended", "user", …
	case errors.As(err, &wait):
		fmt.Println("the server asks to wait:", wait.After)
	case errors.As(err, &offline):
		fmt.Println("no answer; the session is kept")
	case errors.As(err, &refused):
		fmt.Println(refused.Action, refused.Problems) // what to do about it, and what is wrong
	case errors.As(err, &store):
		fmt.Println("the store:", store.Err) // also [latchkey.ErrLocked]
	}

	return err
}

func readmeInsecure() error {
	session, err := latchkey.NewSession("http://192.168.1.20:8080", latchkey.WithInsecureHTTP())
	_ = session

	return err
}

func readmeAdoptSession(ctx context.Context, session *latchkey.Session, kept map[string]string) error {
	if token := kept["session_token"]; token != "" {
		if err := session.Adopt(ctx, latchkey.Tokens{SessionToken: token}); err != nil {
			return err // as above
		}
		delete(kept, "session_token")
	}

	return nil
}

func readmeAdopt(ctx context.Context, session *latchkey.Session, kept map[string]string) error {
	if refresh := kept["refresh_token"]; refresh != "" {
		if err := session.Adopt(ctx, latchkey.Tokens{Refresh: refresh}); err != nil {
			return err // no answer: try again, or in the next run; SignedOutError: it is over
		}
		delete(kept, "access_token")
		delete(kept, "refresh_token")
	}

	return nil
}

func readmeForce(ctx context.Context, session *latchkey.Session) error {
	_, err := session.SignIn(latchkey.WithForce(ctx), "ada@example.com", "a long enough password")

	return err
}

func readmeFake(ctx context.Context, t *testing.T) (latchkey.Profile, error) {
	t.Helper()
	fake := latchkeytest.New(t, latchkeytest.User{Email: "ada@example.com", Password: "a long enough password"})
	session := fake.Session("ada@example.com") // signed in

	fake.ExpireTokens()
	profile, err := session.Profile(ctx) // refreshes
	if err != nil {
		t.Fatal(err)
	}

	fake.End("ada@example.com", "password_changed")
	_, err = session.Profile(ctx) // *latchkey.SignedOutError

	return profile, err
}

var goBlock = regexp.MustCompile("(?s)```go\n(.*?)```")

var indent = regexp.MustCompile(`(?m)^\t+`)

func TestReadme_blocksAreTheseFunctions(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	must(t, err)
	here, err := os.ReadFile("readme_test.go")
	must(t, err)
	blocks := goBlock.FindAllStringSubmatch(string(readme), -1)
	if len(blocks) != 9 {
		t.Errorf("%d blocks, want 9", len(blocks))
	}
	for _, b := range blocks {
		if !strings.Contains(indent.ReplaceAllString(string(here), ""), indent.ReplaceAllString(b[1], "")) {
			t.Errorf("no function has the block:\n%s", b[1])
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestReadme_blocksRun(t *testing.T) {
	const password = "a long enough password"
	fake := latchkeytest.New(t,
		latchkeytest.User{Email: "ada@example.com", Username: "ada", Phone: "+31612345678", Password: password},
		latchkeytest.User{Email: "grace@example.com", Password: password, Code: "314159"},
	)
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := fake.UserOf(r); !ok {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer api.Close()
	ctx, session := t.Context(), fake.Session("ada@example.com")

	dir := t.TempDir()
	must(t, readmeOpen(ctx, dir, fake.URL, api.URL))
	must(t, readmeOpen(ctx, dir, fake.URL, api.URL)) // the next run
	must(t, readmeBy(ctx, session))
	must(t, readmePending(ctx, session))
	must(t, readmeErrors(ctx, session))
	must(t, readmeForce(ctx, session))
	must(t, readmeInsecure())

	apps, err := latchkey.NewSession(fake.URL)
	must(t, err)
	sessionTokens := map[string]string{"session_token": fake.SessionToken("ada@example.com")}
	must(t, readmeAdoptSession(ctx, apps, sessionTokens))
	if state, _ := apps.State(); state != latchkey.StateSignedIn || len(sessionTokens) > 0 {
		t.Errorf("the state is %s, and the app keeps %d", state, len(sessionTokens))
	}
	must(t, apps.Refresh(ctx))

	adopting, err := latchkey.NewSession(fake.URL)
	must(t, err)
	kept := map[string]string{"access_token": "a", "refresh_token": fake.Session("ada@example.com").Tokens().Refresh}
	must(t, readmeAdopt(ctx, adopting, kept))
	if state, _ := adopting.State(); state != latchkey.StateSignedIn || len(kept) > 0 {
		t.Errorf("the state is %s, and the app keeps %d", state, len(kept))
	}

	var out *latchkey.SignedOutError
	if _, err := readmeFake(ctx, t); !errors.As(err, &out) || out.Reason != "password_changed" {
		t.Errorf("got %v", err)
	}
}
