package e2e

import (
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
)

// SEC-72: by a service of the person's own, or by an address that leads into the account, the
// second factor is asked for all the same.
func TestSEC72_aProviderIsNoSecondFactor(t *testing.T) {
	t.Parallel()
	w, s := providing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none SOCIALACCOUNT_EMAIL_AUTHENTICATION=true SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT=true")
	v := w.signedIn(gmail)
	w.exec("UPDATE email_addresses SET verified_at = now()")
	app := v.withTOTP()
	v.bring("connect", s, of(fakeprovider.Apple, "ada@icloud.com")).wants(200)
	for _, c := range []fakeprovider.Claims{of(fakeprovider.Apple, "ada@icloud.com"), of(fakeprovider.Google, gmail), of(fakeprovider.Google, gmail)} {
		way := w.visitor()
		way.bring("login", s, c).waits("mfa_authenticate")
		way.do("GET", profilePath, "").wants(401)
		way.do("GET", providersPath, "").wants(401)
		in := way.post(factorPath, "code", app.at(w.clock.Now())).in()
		if in.text("data.user.email") != gmail || in.text("data.methods.provider") != c.Provider {
			t.Error(in.Body)
		}
		w.clock.Advance(30 * time.Second)
	}
}
