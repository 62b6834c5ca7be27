// Command example signs up, reads the profile, refreshes and signs out. Run it against
// `make run`: go run -C clients/go ./example http://127.0.0.1:8080 you@example.com
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/latchkey-auth/latchkey/clients/go/latchkey"
)

func main() {
	ctx := context.Background()
	session, err := latchkey.NewSession(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	user, err := session.SignUp(ctx, os.Args[2], "a long enough password")
	if err != nil {
		log.Fatal(err) // a *latchkey.Error says which field, and why
	}
	profile, err := session.Profile(ctx) // refreshes the tokens by itself when they are stale
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("signed in as", user.Display, "verified:", profile.EmailVerified)

	if err := session.Refresh(ctx); err != nil {
		log.Fatal(err)
	}
	if err := session.SignOut(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println("signed out")
}
