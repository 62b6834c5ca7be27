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
	session, err := latchkey.Open("https://auth.example.com", latchkey.Settings{Store: store, Hosts: []string{"api.example.com"}})
	if err != nil {
		log.Fatal(err)
	}
	if state, _ := session.State(); state == latchkey.StateSignedOut {
		entry, err := session.SignIn(ctx, "you@example.com", "a long enough password")
		if err != nil {
			log.Fatal(err) // a *latchkey.Error says which field, and why
		}
		if !entry.SignedIn() {
			fmt.Println("next:", entry.Pending[0].ID) // such as "verify_email": a value, not an error
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
