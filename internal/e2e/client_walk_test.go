package e2e

import (
	"testing"

	"github.com/latchkey-auth/latchkey/clients/go/latchkey"
)

// walker is a Go client on a walk through the account.
type walker struct {
	*latchkey.Session
	w *world
	t *testing.T
}

func (w *world) walker(t *testing.T) walker { return walker{w.client(), w, t} }

// ok fails unless a call of the generated client had the status.
func (k walker) ok(want int, got interface{ StatusCode() int }, err error) {
	k.t.Helper()
	if err != nil || got.StatusCode() != want {
		k.t.Fatalf("%v, want %d: %v", got, want, err)
	}
}

// in fails unless a call of the generated client has completed a sign-in.
func (k walker) in() {
	k.t.Helper()
	if state, reason := k.State(); state != latchkey.StateSignedIn {
		k.t.Fatalf("the state is %s %s, want %s", state, reason, latchkey.StateSignedIn)
	}
}

// Every operation of an account, by the Go client: sign-up with a code, addresses.
func TestGoClient_walksThroughAddresses(t *testing.T) {
	t.Parallel()
	w := mailing(t, mandatoryByCode, "ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND=1")
	k, ctx := w.walker(t), t.Context()
	entry, err := k.SignUp(ctx, ada, goodPassword)
	if err != nil || len(entry.Pending) == 0 {
		t.Fatalf("%+v, %v", entry, err)
	}
	resent, err := k.API().ResendEmailVerificationWithResponse(ctx)
	k.ok(200, resent, err)
	code := w.mailedCode(ada, 2)
	shown, err := k.API().GetEmailVerificationWithResponse(ctx, &latchkey.GetEmailVerificationParams{XEmailVerificationKey: code})
	if k.ok(200, shown, err); shown.JSON200.Data.Email != ada || !shown.JSON200.Meta.IsAuthenticating {
		t.Errorf("%+v", shown.JSON200)
	}
	verified, err := k.API().VerifyEmailWithResponse(ctx, latchkey.VerifyEmailRequest{Key: code})
	k.ok(200, verified, err)
	k.in()
	if p, err := k.Profile(ctx); err != nil || !p.EmailVerified {
		t.Errorf("%+v, %v", p, err)
	}
	added, err := k.API().AddEmailAddressWithResponse(ctx, latchkey.EmailRequest{Email: grace})
	k.ok(200, added, err)
	again, err := k.API().ResendEmailAddressVerificationWithResponse(ctx, latchkey.EmailRequest{Email: grace})
	k.ok(200, again, err)
	second, err := k.API().VerifyEmailWithResponse(ctx, latchkey.VerifyEmailRequest{Key: w.mailedCode(grace, 2)})
	k.ok(200, second, err)
	primary, err := k.API().ChangePrimaryEmailAddressWithResponse(ctx, latchkey.PrimaryEmailRequest{Email: grace, Primary: true})
	k.ok(200, primary, err)
	removed, err := k.API().RemoveEmailAddressWithResponse(ctx, latchkey.EmailRequest{Email: ada})
	k.ok(200, removed, err)
	list, err := k.API().ListEmailAddressesWithResponse(ctx)
	if k.ok(200, list, err); len(list.JSON200.Data) != 1 || list.JSON200.Data[0].Email != grace || !list.JSON200.Data[0].Primary {
		t.Errorf("%+v", list.JSON200.Data)
	}
}

// The same for passwords, codes and leaving.
func TestGoClient_walksThroughPasswordsCodesAndLeaving(t *testing.T) {
	t.Parallel()
	w := mailing(t, byCode, "ACCOUNT_EMAIL_VERIFICATION=none ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED=true ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND=1")
	w.signedIn(ada)
	w.exec("UPDATE email_addresses SET verified_at = created_at") // a first proof by code would take the password
	k, ctx := w.walker(t), t.Context()
	asked, err := k.API().RequestLoginCodeWithResponse(ctx, latchkey.LoginCodeRequest{Email: ada})
	k.ok(401, asked, err)
	resent, err := k.API().ResendLoginCodeWithResponse(ctx)
	k.ok(200, resent, err)
	confirmed, err := k.API().ConfirmLoginCodeWithResponse(ctx, latchkey.CodeRequest{Code: w.mailedCode(ada, 2)})
	k.ok(200, confirmed, err)
	k.in()
	changed, err := k.API().ChangePasswordWithResponse(ctx, latchkey.ChangePasswordRequest{CurrentPassword: goodPassword, NewPassword: anotherPassword})
	k.ok(200, changed, err)

	reset := w.walker(t)
	requested, err := reset.API().RequestPasswordResetWithResponse(ctx, latchkey.EmailRequest{Email: ada})
	reset.ok(401, requested, err)
	code := w.mailedCode(ada, 4) // after that of the change
	whose, err := reset.API().GetPasswordResetWithResponse(ctx, &latchkey.GetPasswordResetParams{XPasswordResetKey: code})
	reset.ok(200, whose, err)
	set, err := reset.API().ResetPasswordWithResponse(ctx, latchkey.ResetPasswordRequest{Key: code, Password: goodPassword})
	reset.ok(401, set, err)

	w.aged()
	last := w.walker(t)
	if _, err := last.SignIn(ctx, ada, goodPassword); err != nil {
		t.Fatal(err)
	}
	early, err := last.API().DeleteAccountWithResponse(ctx)
	last.ok(401, early, err)
	proved, err := last.API().ReauthenticateWithResponse(ctx, latchkey.ReauthenticateRequest{Password: goodPassword})
	last.ok(200, proved, err)
	data, err := last.API().ExportAccountWithResponse(ctx)
	last.ok(200, data, err)
	gone, err := last.API().DeleteAccountWithResponse(ctx)
	if last.ok(200, gone, err); gone.JSON200.Data.DeletesAt == 0 {
		t.Errorf("%+v", gone.JSON200)
	}
}

// The same for phone numbers.
func TestGoClient_walksThroughPhoneNumbers(t *testing.T) {
	t.Parallel()
	w, g := texting(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	k, ctx := w.walker(t), t.Context()
	if _, err := k.SignUp(ctx, ada, goodPassword); err != nil {
		t.Fatal(err)
	}
	sent, err := k.API().ChangePhoneNumberWithResponse(ctx, latchkey.PhoneRequest{Phone: number})
	k.ok(202, sent, err)
	verified, err := k.API().VerifyPhoneWithResponse(ctx, latchkey.CodeRequest{Code: g.code(t, number, 1)})
	k.ok(200, verified, err)
	again, err := k.API().ResendPhoneVerificationWithResponse(ctx)
	k.ok(409, again, err)
	list, err := k.API().GetPhoneNumberWithResponse(ctx)
	if k.ok(200, list, err); len(list.JSON200.Data) != 1 || list.JSON200.Data[0].Phone != number || !list.JSON200.Data[0].Verified {
		t.Errorf("%+v", list.JSON200.Data)
	}
}
