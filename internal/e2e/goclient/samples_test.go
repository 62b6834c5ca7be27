package goclient

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/clients/contract/devserver"
	"github.com/latchkey-auth/latchkey/clients/go/latchkey"
)

// What stands between "sample:" and "end of sample" is shown at /docs, as it is: `make generate` takes it
// from here. TestSamples_workWithARealServer runs it.

func sampleSignUp(ctx context.Context, serverURL, email, password string) (*latchkey.Session, error) {
	// sample: signup
	session, err := latchkey.NewSession(serverURL)
	if err != nil {
		return nil, err
	}
	entry, err := session.SignUp(ctx, email, password)
	if err != nil {
		return nil, err // a *latchkey.Error says which field, and why
	}
	if !entry.SignedIn() {
		fmt.Println("next:", entry.Pending[0].ID) // such as "verify_email"
	}
	// end of sample

	return session, nil
}

func sampleSignIn(ctx context.Context, session *latchkey.Session, email, password string) error {
	// sample: login
	entry, err := session.SignIn(ctx, email, password)
	if err != nil {
		return err // a *latchkey.Error: a wrong password, too many attempts
	}
	if entry.SecondFactor() != nil {
		fmt.Println("ask for a code:", entry.SecondFactor())
	}
	// end of sample

	return nil
}

func sampleSecondFactor(ctx context.Context, session *latchkey.Session, code string) error {
	// sample: submitSecondFactor
	entry, err := session.SubmitSecondFactor(ctx, code)
	if errors.Is(err, latchkey.ErrNothingPending) {
		return err // too late, or too many wrong codes: sign in again
	}
	if err != nil {
		return err // a wrong code, no answer: call it again with the next code
	}
	fmt.Println("signed in:", entry.SignedIn())
	// end of sample

	return nil
}

func sampleRefresh(ctx context.Context, session *latchkey.Session) error {
	// sample: refreshToken
	// Calls refresh by themselves. This is for a button that tries again.
	if err := session.Refresh(ctx); err != nil {
		var out *latchkey.SignedOutError
		if errors.As(err, &out) {
			fmt.Println("sign in again:", out.Reason)
		}
		return err // the session is kept: try again later
	}
	// end of sample

	return nil
}

func sampleAdopt(ctx context.Context, session *latchkey.Session, refreshToken string) error {
	// sample: refreshTokenPair
	// Takes over the token of another client, once, at the first start of the new app.
	err := session.Adopt(ctx, latchkey.Tokens{Refresh: refreshToken})
	if err != nil {
		return err // call it again at the next start
	}
	// end of sample

	return nil
}

func sampleSession(ctx context.Context, session *latchkey.Session) error {
	// sample: getSession
	user, err := session.Current(ctx)
	if err != nil {
		return err
	}
	fmt.Println("signed in as", user.Display)
	// end of sample

	return nil
}

func sampleSignOut(ctx context.Context, session *latchkey.Session) error {
	// sample: endSession
	if err := session.SignOut(ctx); err != nil {
		return err
	}
	// end of sample

	return nil
}

func sampleProfile(ctx context.Context, session *latchkey.Session) error {
	// sample: getProfile
	profile, err := session.Profile(ctx)
	if err != nil {
		return err
	}
	fmt.Println(profile.Display, "verified:", profile.EmailVerified)
	// end of sample

	return nil
}

func sampleRequestReset(ctx context.Context, session *latchkey.Session, email string) error {
	// sample: requestPasswordReset
	answer, err := session.API().RequestPasswordResetWithResponse(ctx, latchkey.EmailRequest{Email: email})
	if err != nil {
		return err
	}
	// 200: a link is mailed. 401: a code is, and the reset is pending.
	fmt.Println("asked:", answer.StatusCode())
	// end of sample

	return nil
}

func sampleReset(ctx context.Context, session *latchkey.Session, key, password string) error {
	// sample: resetPassword
	answer, err := session.API().ResetPasswordWithResponse(ctx, latchkey.ResetPasswordRequest{
		Key: key, Password: password, // the key of the link, or the code
	})
	if err != nil {
		return err
	}
	if answer.JSON400 != nil {
		return fmt.Errorf("refused: %s", answer.JSON400.Errors[0].Code)
	}
	// 401 is success: sign in with the new password.
	// end of sample

	return nil
}

var mailedKey = regexp.MustCompile(`[?&]key=([A-Za-z0-9_-]{20,})|/([A-Za-z0-9_-]{20,})`)

// keyOfMail waits for a mail with a link, and returns the key in it.
func keyOfMail(t *testing.T, dir string) string {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 500 {
		files, _ := filepath.Glob(filepath.Join(dir, "*.eml"))
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			joined := strings.NewReplacer("=\r\n", "", "=\n", "", "=3D", "=").Replace(string(text))
			if at := strings.Index(joined, "/account/password/reset"); at >= 0 {
				if found := mailedKey.FindStringSubmatch(joined[at:]); found != nil {
					return found[1] + found[2]
				}
			}
		}
		<-tick.C
	}
	t.Fatal("no mail has a link")

	return ""
}

func TestSamples_workWithARealServer(t *testing.T) {
	t.Parallel()
	ctx, mails := t.Context(), t.TempDir()
	server := devserver.Run(t, "ACCOUNT_RATE_LIMITS=false", "MFA_ALLOW_UNVERIFIED_EMAIL=true", "ACCOUNT_EMAIL_VERIFICATION=none",
		"LATCHKEY_MAIL_DIR="+mails, `HEADLESS_FRONTEND_URLS={"account_reset_password_from_key":"https://app.example.com/account/password/reset?key={key}"}`)
	const email, next = "samples@example.com", "another horse battery"
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	is := func(s *latchkey.Session, want latchkey.State) {
		t.Helper()
		if state, reason := s.State(); state != want {
			t.Fatalf("the session is %v (%s), want %v", state, reason, want)
		}
	}

	session, err := sampleSignUp(ctx, server.URL, email, goodPassword)
	must(err)
	is(session, latchkey.StateSignedIn)
	must(sampleProfile(ctx, session))
	must(sampleSession(ctx, session))
	must(sampleRefresh(ctx, session))

	codes := walker{session, t, server, email}.addsFactor()
	must(sampleSignOut(ctx, session))
	is(session, latchkey.StateSignedOut)
	must(sampleSignIn(ctx, session, email, goodPassword))
	is(session, latchkey.StateSignedOut)
	must(sampleSecondFactor(ctx, session, codes[0]))
	is(session, latchkey.StateSignedIn)

	other, err := latchkey.NewSession(server.URL)
	must(err)
	must(sampleAdopt(ctx, other, session.Tokens().Refresh))
	is(other, latchkey.StateSignedIn)
	if sampleAdopt(ctx, other, "no token") == nil {
		t.Error("a token of nobody was adopted")
	}

	guest, err := latchkey.NewSession(server.URL)
	must(err)
	must(sampleRequestReset(ctx, guest, email))
	if sampleReset(ctx, guest, "wrong", next) == nil {
		t.Error("a wrong key reset the password")
	}
	must(sampleReset(ctx, guest, keyOfMail(t, mails), next))
	must(sampleSignIn(ctx, guest, email, next))
	must(sampleSecondFactor(ctx, guest, codes[1]))
	is(guest, latchkey.StateSignedIn)
}
