// Package goclient has the tests of the Go client that need the server: a walk at the real one, and its
// recorded answers.
package goclient

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/clients/contract/devserver"
	"github.com/latchkey-auth/latchkey/clients/contract/totp"
	"github.com/latchkey-auth/latchkey/clients/go/latchkey"
)

// walker is a person with a client of their own at a real server.
type walker struct {
	*latchkey.Session
	t      *testing.T
	server devserver.Server
	email  string
}

const goodPassword = "correct horse battery"

func start(t *testing.T, server devserver.Server, email string) walker {
	t.Helper()
	session, err := latchkey.NewSession(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return walker{session, t, server, email}
}

func (w walker) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// enters wants a step to end with the person signed in.
func (w walker) enters(e latchkey.Entry, err error) {
	w.t.Helper()
	if err != nil || !e.SignedIn() {
		w.t.Fatalf("%+v, %v", e, err)
	}
	if _, err := w.Profile(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// addsFactor turns the second factor on, and returns the recovery codes.
func (w walker) addsFactor() []string {
	w.t.Helper()
	ctx, api := w.t.Context(), w.API()
	proof, err := api.ReauthenticateWithResponse(ctx, latchkey.ReauthenticateRequest{Password: goodPassword})
	if err != nil || proof.JSON200 == nil {
		w.t.Fatalf("%v, %v", proof, err)
	}
	setup, err := api.GetTOTPWithResponse(ctx)
	if err != nil || setup.JSON404 == nil {
		w.t.Fatalf("%v, %v", setup, err)
	}
	app, err := totp.New(setup.JSON404.Meta.TOTPURL)
	w.must(err)
	for range 2 { // the first code may be late for its time step
		added, err := api.ActivateTOTPWithResponse(ctx, latchkey.CodeRequest{Code: app.Code(time.Now())})
		w.must(err)
		if added.JSON200 == nil {
			continue
		}
		codes, err := api.GetRecoveryCodesWithResponse(ctx)
		if err != nil || codes.JSON200 == nil || codes.JSON200.Data.UnusedCodes == nil {
			w.t.Fatalf("%v, %v", codes, err)
		}
		return *codes.JSON200.Data.UnusedCodes
	}
	w.t.Fatal("no code was right")
	return nil
}

// token has the Apple of `latchkey dev` sign an id_token.
func (w walker) token(claims map[string]any) latchkey.ProviderToken {
	w.t.Helper()
	nonce, err := w.NewProviderNonce(w.t.Context())
	w.must(err)
	claims["nonce"] = nonce.NonceSha256 // what Sign in with Apple is handed
	text, err := json.Marshal(claims)
	w.must(err)
	answer, err := http.Post(w.server.Services+"/apple/token-for", "application/json", bytes.NewReader(text))
	w.must(err)
	defer func() { _ = answer.Body.Close() }()
	token := latchkey.ProviderToken{Nonce: nonce.Nonce}
	w.must(json.NewDecoder(answer.Body).Decode(&token))
	return token
}

func TestSession_withARealServer(t *testing.T) {
	t.Parallel()
	server := devserver.Run(t, "ACCOUNT_RATE_LIMITS=false", "MFA_ALLOW_UNVERIFIED_EMAIL=true", "ACCOUNT_EMAIL_VERIFICATION=none")
	t.Run("second factor", func(t *testing.T) {
		w := start(t, server, "factor@example.com")
		w.enters(w.SignUp(t.Context(), w.email, goodPassword))
		codes := w.addsFactor()
		w.must(w.SignOut(t.Context()))

		e, err := w.SignIn(t.Context(), w.email, goodPassword)
		if err != nil || fmt.Sprint(e.SecondFactor()) != "[recovery_codes totp]" {
			t.Fatalf("%+v, %v", e, err)
		}
		var refused *latchkey.Error
		if _, err := w.SubmitSecondFactor(t.Context(), "none"); !errors.As(err, &refused) || !refused.Has("incorrect_code") {
			t.Errorf("got %v", err)
		}
		w.enters(w.SubmitSecondFactor(t.Context(), codes[0]))
		if err := w.ReauthenticateBySecondFactor(t.Context(), codes[0]); !errors.As(err, &refused) || !refused.Has("incorrect_code") {
			t.Errorf("a recovery code works twice: %v", err)
		}
		w.must(w.ReauthenticateBySecondFactor(t.Context(), codes[1]))
	})
	t.Run("five wrong codes", func(t *testing.T) {
		w := start(t, server, "wrong@example.com")
		w.enters(w.SignUp(t.Context(), w.email, goodPassword))
		codes := w.addsFactor()
		w.must(w.SignOut(t.Context()))
		_, err := w.SignIn(t.Context(), w.email, goodPassword)
		w.must(err)
		for range 5 {
			if _, err := w.SubmitSecondFactor(t.Context(), "none"); err == nil || errors.Is(err, latchkey.ErrNothingPending) {
				t.Fatalf("got %v", err)
			}
		}
		if _, err := w.SubmitSecondFactor(t.Context(), codes[0]); !errors.Is(err, latchkey.ErrNothingPending) {
			t.Errorf("got %v", err)
		}
		_, err = w.SignIn(t.Context(), w.email, goodPassword)
		w.must(err)
		w.enters(w.SubmitSecondFactor(t.Context(), codes[0]))
	})
	t.Run("another service", func(t *testing.T) {
		w := start(t, server, "apple@example.com")
		token := w.token(map[string]any{"email": w.email})
		w.enters(w.SignInWithProvider(t.Context(), "apple", token))
		before := w.Tokens()
		var refused *latchkey.Error
		if _, err := w.SignInWithProvider(t.Context(), "apple", token); !errors.As(err, &refused) || !refused.Has("token_used") {
			t.Errorf("a token works twice: %v", err)
		}
		if w.Tokens() != before {
			t.Error("the session is another one")
		}
		_, err := w.Profile(t.Context())
		w.must(err)
	})
	t.Run("another service that tells no address", func(t *testing.T) {
		w := start(t, server, "told@example.com")
		e, err := w.SignInWithProvider(t.Context(), "apple", w.token(map[string]any{"sub": "001"}))
		if err != nil || e.SignedIn() || e.Pending[0].ID != "provider_signup" {
			t.Fatalf("%+v, %v", e, err)
		}
		w.enters(w.CompleteProviderSignUp(t.Context(), w.email))
	})
	t.Run("connecting", func(t *testing.T) {
		w := start(t, server, "connect@example.com")
		w.enters(w.SignUp(t.Context(), w.email, goodPassword))
		token := w.token(map[string]any{"email": "at-apple@example.com"})
		codes := w.addsFactor()
		w.must(w.ConnectProvider(t.Context(), "apple", token))
		w.must(w.SignOut(t.Context()))
		e, err := w.SignInWithProvider(t.Context(), "apple", w.token(map[string]any{"email": "at-apple@example.com"}))
		if err != nil || e.SecondFactor() == nil {
			t.Fatalf("another service passes the second factor over: %+v, %v", e, err)
		}
		w.enters(w.SubmitSecondFactor(t.Context(), codes[0]))
	})
}

// Strangers who guess use up the tries of an address. The device that has signed in before has
// tries of its own.
func TestSession_isNotLockedOutByStrangersGuesses(t *testing.T) {
	t.Parallel()
	server := devserver.Run(t, "ACCOUNT_EMAIL_VERIFICATION=none", `ACCOUNT_RATE_LIMITS={"login_failed":"5/d/key"}`)
	owner := start(t, server, "owner@example.com")
	owner.enters(owner.SignUp(t.Context(), owner.email, goodPassword))
	owner.must(owner.SignOut(t.Context()))

	stranger := start(t, server, owner.email)
	refused := func(password, code string) {
		t.Helper()
		var e *latchkey.Error
		if _, err := stranger.SignIn(t.Context(), owner.email, password); !errors.As(err, &e) || !e.Has(code) {
			t.Fatalf("got %v, want %s", err, code)
		}
	}
	for range 5 {
		refused("not the password", "email_password_mismatch")
	}
	refused(goodPassword, "too_many_login_attempts")

	owner.enters(owner.SignIn(t.Context(), owner.email, goodPassword))
}
