package latchkey_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"

	"github.com/latchkey-auth/latchkey/clients/go/latchkey"
)

// A command-line tool that stays signed in between runs.
func Example() {
	ctx := context.Background()
	dir, err := os.UserConfigDir()
	if err != nil {
		log.Fatal(err)
	}
	store, err := latchkey.NewFileStore(filepath.Join(dir, "yourtool"))
	if err != nil {
		log.Fatal(err)
	}
	session, err := latchkey.Open("https://auth.example.com", latchkey.Settings{Store: store, Origins: []string{"https://api.example.com"}})
	if err != nil {
		log.Fatal(err)
	}
	if state, _ := session.State(); state == latchkey.StateSignedOut {
		entry, err := session.SignIn(ctx, "you@example.com", "a long enough password")
		if err != nil {
			log.Fatal(err) // a *latchkey.Error says which field, and why
		}
		if entry.SecondFactor() != nil { // a step that is pending is a value, not an error
			entry, err = session.SubmitSecondFactor(ctx, "314159") // of an authenticator app, or a recovery code
			if err != nil {
				log.Fatal(err) // a wrong code, no answer: call it again with the next code
			}
		}
		if !entry.SignedIn() {
			fmt.Println("next:", entry.Pending[0].ID) // such as "verify_email"
			return
		}
	}
	client := &http.Client{Transport: session.Transport(nil)} // adds the token, refreshes, repeats once
	answer, err := client.Get("https://api.example.com/orders")
	var out *latchkey.SignedOutError
	if errors.As(err, &out) {
		fmt.Println("signed out:", out.Reason)
		return
	}
	if err != nil {
		log.Fatal(err) // the session is kept: try again later
	}
	_ = answer.Body.Close()
}

// Sign in with Apple, where an app has got the token from the system.
func ExampleSession_SignInWithProvider() {
	ctx := context.Background()
	session, err := latchkey.NewSession("https://auth.example.com")
	if err != nil {
		log.Fatal(err)
	}
	nonce, err := session.NewProviderNonce(ctx)
	if err != nil {
		log.Fatal(err)
	}
	idToken, code := "", "" // what Apple answers when it is handed nonce.NonceSha256
	entry, err := session.SignInWithProvider(ctx, "apple", latchkey.ProviderToken{
		ClientID: "com.example.app", IDToken: idToken, Nonce: nonce.Nonce, AuthorizationCode: code,
	})
	var refused *latchkey.Error
	if errors.As(err, &refused) && refused.Action == latchkey.ActionRetry {
		fmt.Println("Apple is away; other ways of signing in go on")
		return
	}
	if err != nil {
		log.Fatal(err)
	}
	if !entry.SignedIn() && entry.Pending[0].ID == "provider_signup" {
		entry, err = session.CompleteProviderSignUp(ctx, "you@example.com")
		if err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println("signed in:", entry.SignedIn())
}
