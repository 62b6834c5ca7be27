package e2e

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1" // RFC 6238
	"encoding/base32"
	"encoding/base64"
	endian "encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
	"github.com/latchkey-auth/latchkey/internal/softkey"
)

const (
	factorPath         = root + "auth/2fa/authenticate"
	reauthFactorPath   = root + "auth/2fa/reauthenticate"
	authenticatorsPath = root + "account/authenticators"
	totpPath           = root + "account/authenticators/totp"
	recoveryPath       = root + "account/authenticators/recovery-codes"
)

// withFactors are the settings under which people can have every kind of factor. Addresses
// are verified without being asked for at sign-in, unless a test says otherwise.
var withFactors = "LATCHKEY_SEALING_KEYS=" + sealingKey("k1", 1) + " MFA_SUPPORTED_TYPES=totp,recovery_codes,webauthn MFA_PASSKEY_LOGIN_ENABLED=true LATCHKEY_WEBAUTHN_RP_ID=example.com MFA_ALLOW_UNVERIFIED_EMAIL=true"

func sealingKey(id string, fill byte) string {
	return id + ":" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, 32))
}

// authenticatorApp is an authenticator app: a second implementation of RFC 6238.
type authenticatorApp struct{ seed []byte }

func newAuthenticatorApp(t testing.TB, secret string) authenticatorApp {
	t.Helper()
	seed, err := base32.StdEncoding.DecodeString(secret)
	if err != nil || len(seed) != 20 {
		t.Fatalf("secret %q: %v", secret, err)
	}
	return authenticatorApp{seed}
}

func (a authenticatorApp) at(now time.Time) string {
	mac := hmac.New(sha1.New, a.seed)
	_ = endian.Write(mac, endian.BigEndian, now.Unix()/30)
	sum := mac.Sum(nil)
	n := endian.BigEndian.Uint32(sum[sum[19]&15:]) & 0x7fffffff
	return fmt.Sprintf("%06d", n%1_000_000)
}

// proved makes a client recently authenticated by its password.
func (v *visitor) proved() *visitor {
	v.w.t.Helper()
	v.post(reauthPath, "password", goodPassword).wants(200)
	return v
}

// withTOTP adds a TOTP authenticator to a client's account. The code that added it is used
// up, so the clock moves on.
func (v *visitor) withTOTP() authenticatorApp {
	v.w.t.Helper()
	v.proved()
	app := newAuthenticatorApp(v.w.t, v.do("GET", totpPath, "").wants(404).text("meta.secret"))
	v.post(totpPath, "code", app.at(v.w.clock.Now())).wants(200)
	v.w.clock.Advance(30 * time.Second)
	v.w.delivered()
	return app
}

// recoveryCodes are those that a client's person has left.
func (v *visitor) recoveryCodes() []string {
	v.w.t.Helper()
	var codes []string
	list, _ := v.do("GET", recoveryPath, "").wants(200).get("data.unused_codes").([]any)
	for _, c := range list {
		codes = append(codes, c.(string))
	}
	return codes
}

// kinds are the authenticators that a list shows.
func (a answer) kinds() string {
	a.t.Helper()
	var got struct{ Data []struct{ Type string } }
	if err := json.Unmarshal([]byte(a.wants(200).Body), &got); err != nil {
		a.t.Fatal(err)
	}
	var kinds []string
	for _, k := range got.Data {
		kinds = append(kinds, k.Type)
	}
	return strings.Join(kinds, " ")
}

// TOTP is added, asked for at the next sign-in, and removed.
func TestTOTP_isAddedAskedForAndRemoved(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, withNotifications, "ACCOUNT_EMAIL_VERIFICATION=none MFA_TOTP_ISSUER=Example")
	v := w.signedInLongAgo(ada)
	w.markVerified(ada)
	if a := w.call("GET", configPath, ""); !strings.Contains(a.Body, `"mfa":{"passkey_login_enabled":true,"passkey_signup_enabled":false,"supported_types":["recovery_codes","totp","webauthn"]}`) {
		t.Error(a.Body)
	}
	if got := v.do("GET", authenticatorsPath, "").kinds(); got != "" {
		t.Error(got)
	}
	v.do("GET", totpPath, "").wants(401) // it would show a secret
	v.proved()
	first := v.do("GET", totpPath, "").wants(404)
	setup := v.do("GET", totpPath, "").wants(404)
	if first.text("meta.secret") == setup.text("meta.secret") {
		t.Error("one secret twice")
	}
	if u := setup.text("meta.totp_url"); u != "otpauth://totp/Example:ada%40example.com?secret="+setup.text("meta.secret")+"&issuer=Example" {
		t.Error(u)
	}
	app := newAuthenticatorApp(t, setup.text("meta.secret"))
	now := app.at(w.clock.Now())
	w.aged()
	v.post(totpPath).wants(400, "required@code") // the input first
	if a := v.post(totpPath, "code", now).wants(401); a.get("meta.is_authenticated") != true || !strings.Contains(a.Body, `"flows":[{"id":"reauthenticate"}]`) {
		t.Error(a.Body)
	}
	v.proved()
	v.post(totpPath, "code", newAuthenticatorApp(t, first.text("meta.secret")).at(w.clock.Now())).wants(400, "incorrect_code@code")
	v.post(totpPath, "code", "٣١٤١٥٩").wants(400, "incorrect_code@code")
	v.post(totpPath, "code", " - ").wants(400, "required@code")
	added := v.post(totpPath, "code", now[:3]+" "+now[3:]).wants(200)
	if added.text("data.type") != "totp" || added.get("data.last_used_at") != nil || added.get("meta.recovery_codes_generated") != true || added.get("data.id") != nil {
		t.Error(added.Body)
	}
	v.post(totpPath, "code", now).wants(409, "authenticator_exists")
	if got := v.do("GET", authenticatorsPath, "").kinds(); got != "totp recovery_codes" && got != "recovery_codes totp" {
		t.Error(got)
	}
	v.do("GET", totpPath, "").wants(200)
	v.proved().do("GET", recoveryPath, "").wants(200)

	// Asked for, with what there is to show.
	w.clock.Advance(30 * time.Second)
	phone := w.visitor()
	a := phone.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
	if !strings.Contains(a.Body, `{"id":"mfa_login_webauthn"},{"id":"mfa_authenticate","is_pending":true,"types":["recovery_codes","totp"]}`) {
		t.Error(a.Body)
	}
	phone.do("GET", sessionPath, "").waits("mfa_authenticate")
	phone.post(factorPath).wants(400, "required@code")
	phone.post(factorPath, "code", "000000").wants(400, "incorrect_code@code")
	in := phone.post(factorPath, "code", app.at(w.clock.Now())).in()
	id := fmt.Sprint(query[int64](w, "SELECT id FROM authenticators WHERE type = 'totp'"))
	for _, want := range []string{`"methods":[{"at":`, `"method":"mfa"`, `"type":"totp"`, `"id":` + id} {
		if !strings.Contains(in.Body, want) {
			t.Errorf("no %s in %s", want, in.Body)
		}
	}
	phone.post(factorPath, "code", "000000").wants(409, "already_authenticated")
	w.visitor().post(factorPath, "code", "000000").waits()

	// Removed, with the recovery codes that nothing is left to recover.
	phone.do("DELETE", totpPath, "").wants(401)
	phone.proved().do("DELETE", totpPath, "").wants(200)
	w.aged()
	phone.do("DELETE", totpPath, "").wants(200) // there is none: nothing to prove
	if got := phone.do("GET", authenticatorsPath, "").kinds(); got != "" {
		t.Error(got)
	}
	phone.do("GET", recoveryPath, "").wants(404)
	w.visitor().post(loginPath, "email", ada, "password", goodPassword).in()
	subjects := ""
	for n := range 2 {
		subjects += w.letter(ada, n+1).subject + "\n"
	}
	if l := w.letters(ada); len(l) != 2 {
		t.Errorf("%d mails: %s", len(l), subjects)
	}
}

func TestTOTP_mustBeBegunInThisSession(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none")
	v := w.signedIn(ada).proved()
	app := newAuthenticatorApp(t, v.do("GET", totpPath, "").wants(404).text("meta.secret"))
	other := w.again(ada).proved()
	other.post(totpPath, "code", app.at(w.clock.Now())).wants(409, "flow_not_pending")
	w.clock.Advance(15 * time.Minute)
	v.access = w.refreshed(v)
	v.proved().post(totpPath, "code", app.at(w.clock.Now())).wants(409, "flow_not_pending")
	w.swept()
	if n := query[int](w, "SELECT count(*) FROM ceremonies"); n != 0 {
		t.Errorf("%d left", n)
	}
}

// Whoever has not shown that an address is theirs could lock its owner out with a factor.
func TestTOTP_needsVerifiedAddresses(t *testing.T) {
	t.Parallel()
	w := mailing(t, strings.Replace(withFactors, "MFA_ALLOW_UNVERIFIED_EMAIL=true", "", 1), "ACCOUNT_EMAIL_VERIFICATION=optional")
	v := w.signedIn(ada).proved()
	v.do("GET", totpPath, "").wants(409, "unverified_email")
	v.post(totpPath, "code", "000000").wants(400, "unverified_email@code")
	v.do("GET", passkeysPath, "").wants(409, "unverified_email")
	v.do("POST", passkeysPath, `{"credential":{}}`).wants(409, "unverified_email")
	v.post(verifyEmailPath, "key", w.mailedKey(ada, 1)).wants(200)
	v.do("GET", totpPath, "").wants(404)
	v.do("GET", passkeysPath, "").wants(200)
}

// Without keys of the operator nothing can be sealed that lives as long as a person.
func TestTOTP_isOffWithoutSealingKeys(t *testing.T) {
	t.Parallel()
	w := start(t)
	v := w.signedIn(ada).proved()
	if a := w.call("GET", configPath, ""); !strings.Contains(a.Body, `"supported_types":[]`) {
		t.Error(a.Body)
	}
	v.do("GET", totpPath, "").wants(404, "not_found")
	v.post(totpPath, "code", "000000").wants(404, "not_found")
	v.do("POST", recoveryPath, "").wants(400, "cannot_generate_recovery_codes")
	v.do("GET", passkeysPath, "").wants(404, "not_found")
	v.do("POST", passkeysPath, `{"credential":{}}`).wants(404, "not_found")
	v.do("GET", root+"auth/webauthn/reauthenticate", "").wants(404, "not_found")
	if !strings.Contains(w.log.String(), "LATCHKEY_SEALING_KEYS is not set") {
		t.Error("the log does not say why")
	}
}

// Who has a factor is asked for it whatever the settings say now, and never let in without.
func TestTOTP_keysThatAreGoneAreAnOutage(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none")
	app := w.signedIn(ada).withTOTP()
	for _, settings := range []string{"MFA_SUPPORTED_TYPES=", "LATCHKEY_SEALING_KEYS=" + sealingKey("k2", 2)} {
		_, w.url = w.serve(settings)
		v := w.visitor()
		v.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
		v.post(factorPath, "code", app.at(w.clock.Now())).wants(503, "temporarily_unavailable")
	}
	_, w.url = w.serve("LATCHKEY_SEALING_KEYS=" + sealingKey("k2", 2) + "," + sealingKey("k1", 1))
	v := w.visitor()
	v.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
	v.post(factorPath, "code", app.at(w.clock.Now())).in()
}

// SEC-53: a code works once, also the one that added the authenticator, also many at once,
// also an older one.
func TestSEC53_aTOTPCodeWorksOnce(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none MFA_TOTP_TOLERANCE=1")
	v := w.signedIn(ada).proved()
	app := newAuthenticatorApp(t, v.do("GET", totpPath, "").wants(404).text("meta.secret"))
	v.post(totpPath, "code", app.at(w.clock.Now())).wants(200)
	waiting := func() *visitor {
		v := w.visitor()
		v.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
		return v
	}
	waiting().post(factorPath, "code", app.at(w.clock.Now())).wants(400, "incorrect_code@code")
	next := app.at(w.clock.Now().Add(30 * time.Second))
	waiting().post(factorPath, "code", next).in()                                               // a phone whose clock is ahead
	waiting().post(factorPath, "code", app.at(w.clock.Now())).wants(400, "incorrect_code@code") // older than the last
	w.clock.Advance(60 * time.Second)
	if n := together(t, 16, waiting, func(v *visitor) answer { return v.post(factorPath, "code", app.at(w.clock.Now())) }); n != 1 {
		t.Errorf("%d of 16 came in with one code", n)
	}
}

// together runs a call of n clients at once and returns how many got 200.
func together(t *testing.T, n int, fresh func() *visitor, call func(*visitor) answer) int {
	t.Helper()
	var clients []*visitor
	for range n {
		clients = append(clients, fresh())
	}
	var wg sync.WaitGroup
	answers, start := make([]answer, n), make(chan struct{})
	for i, v := range clients {
		wg.Add(1)
		go func() {
			defer wg.Done()
			<-start
			answers[i] = call(v)
		}()
	}
	close(start)
	wg.Wait()
	right := 0
	for _, a := range answers {
		switch a.Status {
		case 200:
			right++
		case 400, 409, 410, 503:
		default:
			t.Errorf("%d %s", a.Status, a.Body)
		}
	}
	return right
}

// Ten codes of eight digits, shown to their user, each usable once.
func TestRecoveryCodes_areShownUsedOnceAndReplaced(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, withNotifications, "ACCOUNT_EMAIL_VERIFICATION=none")
	v := w.signedInLongAgo(ada)
	w.markVerified(ada)
	if none := v.do("GET", recoveryPath, "").wants(404); none.Body != `{"status":404}` { // a state and no error
		t.Error(none.Body)
	}
	v.do("POST", recoveryPath, "").wants(400, "cannot_generate_recovery_codes")
	v.withTOTP()
	w.aged()
	v.do("GET", recoveryPath, "").wants(401)
	v.do("POST", recoveryPath, "").wants(401)
	v.proved()
	codes := v.recoveryCodes()
	if len(codes) != 10 || len(codes[0]) != 8 {
		t.Fatal(codes)
	}
	waiting := func() *visitor {
		v := w.visitor()
		v.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
		return v
	}
	in := waiting().post(factorPath, "code", codes[0][:4]+"-"+codes[0][4:]).in()
	if !strings.Contains(in.Body, `"type":"recovery_codes"`) {
		t.Error(in.Body)
	}
	waiting().post(factorPath, "code", codes[0]).wants(400, "incorrect_code@code")
	if n := together(t, 16, waiting, func(v *visitor) answer { return v.post(factorPath, "code", codes[1]) }); n != 1 {
		t.Errorf("%d of 16 came in with one code", n)
	}
	if left := v.recoveryCodes(); len(left) != 8 || left[0] != codes[2] {
		t.Errorf("left: %d", len(left))
	}
	if a := v.do("GET", authenticatorsPath, ""); !strings.Contains(a.Body, `"total_code_count":10`) || !strings.Contains(a.Body, `"unused_code_count":8`) || strings.Contains(a.Body, codes[2]) {
		t.Error(a.Body)
	}
	a := v.do("POST", recoveryPath, "").wants(200)
	if fresh := v.recoveryCodes(); len(fresh) != 10 || !strings.Contains(a.Body, fresh[9]) || strings.Contains(a.Body, codes[2]) {
		t.Error(a.Body)
	}
	waiting().post(factorPath, "code", codes[2]).wants(400, "incorrect_code@code")
	if l := w.letter(ada, 2); !strings.Contains(strings.ToLower(l.subject), "recovery") {
		t.Error(l.subject)
	}
}

func TestRecoveryCodes_canBeShownOnceOnly(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none MFA_RECOVERY_CODES_SHOW_ONCE=true MFA_RECOVERY_CODE_COUNT=3 MFA_RECOVERY_CODE_DIGITS=10")
	v := w.signedIn(ada)
	v.withTOTP()
	if codes := v.recoveryCodes(); len(codes) != 3 || len(codes[0]) != 10 {
		t.Error(codes)
	}
	if a := v.do("GET", recoveryPath, "").wants(200); a.get("data.unused_codes") != nil || a.get("data.unused_code_count") != 3.0 {
		t.Error(a.Body)
	}
	if a := v.do("POST", recoveryPath, "").wants(200); a.get("data.unused_codes") == nil {
		t.Error(a.Body)
	}
	if a := v.do("GET", recoveryPath, "").wants(200); a.get("data.unused_codes") != nil {
		t.Error(a.Body)
	}
}

// SEC-54: five wrong codes and the sign-in starts over; ten an hour; a hundred in a row and
// the factor needs another one.
func TestSEC54_guessesAtASecondFactorAreLimited(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none")
	app := w.signedIn(ada).withTOTP()
	v := w.visitor()
	v.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
	for range 5 {
		v.post(factorPath, "code", "000000").wants(400, "incorrect_code@code")
	}
	v.post(factorPath, "code", app.at(w.clock.Now())).waits()
	v.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
	v.post(factorPath, "code", app.at(w.clock.Now())).in()
	if n := query[int](w, "SELECT count(*) FROM audit_events WHERE event = 'second_factor' AND result = 'failure'"); n != 5 {
		t.Errorf("%d audit rows", n)
	}
}

func TestSEC54_tenWrongCodesAnHour(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none", `ACCOUNT_RATE_LIMITS={"login":false,"login_failed":false,"signup":false,"reauthenticate":false}`)
	person := w.signedIn(ada)
	app := person.withTOTP()
	wrong := 0
	for range 3 {
		v := w.visitor()
		v.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
		for range 4 {
			if wrong++; wrong <= 10 {
				v.post(factorPath, "code", "000000").wants(400, "incorrect_code@code")
			} else {
				v.post(factorPath, "code", app.at(w.clock.Now())).wants(400, "too_many_login_attempts@code")
			}
		}
	}
	person.do("GET", profilePath, "").wants(200)                            // what is signed in goes on
	person.post(reauthFactorPath, "code", app.at(w.clock.Now())).wants(200) // and counts by itself
	w.clock.Advance(6 * time.Minute)                                        // one more guess has grown back
	v := w.visitor()
	v.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
	v.post(factorPath, "code", app.at(w.clock.Now())).in()
	v = w.visitor()
	v.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
	w.clock.Advance(30 * time.Second)
	v.post(factorPath, "code", app.at(w.clock.Now())).in() // a right one was given back
}

func TestSEC54_aHundredWrongCodesInARowAskForAnotherFactor(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none")
	person := w.signedIn(ada)
	app := person.withTOTP()
	codes := person.recoveryCodes()
	v := w.visitor()
	for n := range 100 {
		if n%5 == 0 {
			v.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
		}
		v.post(factorPath, "code", "000000").wants(400, "incorrect_code@code")
	}
	v.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
	v.post(factorPath, "code", app.at(w.clock.Now())).wants(400, "incorrect_code@code")
	v.post(factorPath, "code", codes[0]).in()
	v = w.visitor()
	v.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
	v.post(factorPath, "code", app.at(w.clock.Now())).in() // the other factor has forgiven it
}

func TestReauthenticate_anyFactorWillDo(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none")
	person := w.signedIn(ada)
	app := person.withTOTP()
	codes := person.recoveryCodes()
	w.clock.Advance(10 * time.Minute)
	person.access = w.refreshed(person)
	if a := person.do("DELETE", totpPath, "").wants(401); !strings.Contains(a.Body, `"flows":[{"id":"reauthenticate"},{"id":"mfa_reauthenticate","types":["recovery_codes","totp"]}]`) {
		t.Error(a.Body)
	}
	person.post(reauthFactorPath).wants(400, "required@code")
	person.post(reauthFactorPath, "code", "000000").wants(400, "incorrect_code@code")
	a := person.post(reauthFactorPath, "code", app.at(w.clock.Now())).wants(200)
	if !strings.Contains(a.Body, `"reauthenticated":true`) || !strings.Contains(a.Body, `"type":"totp"`) || a.get("meta.access_token") != nil {
		t.Error(a.Body)
	}
	person.do("GET", recoveryPath, "").wants(200)
	person.post(reauthFactorPath, "code", app.at(w.clock.Now())).wants(400, "incorrect_code@code") // used
	person.post(reauthFactorPath, "code", codes[0]).wants(200)
	w.visitor().post(reauthFactorPath, "code", codes[1]).wants(401)
}

func TestReauthenticate_canBeLeftOutForFactors(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none MFA_REAUTHENTICATION_REQUIRED=false")
	v := w.signedInLongAgo(ada)
	app := newAuthenticatorApp(t, v.do("GET", totpPath, "").wants(404).text("meta.secret"))
	v.post(totpPath, "code", app.at(w.clock.Now())).wants(200)
	v.do("DELETE", accountPath, "").wants(401) // other things need it all the same
}

// Whoever could prove nothing before has proved with the first factor who they are: they see
// their recovery codes at once, and are asked from then on.
func TestReauthenticate_theFirstFactorIsAProofOfItsOwn(t *testing.T) {
	t.Parallel()
	w, s := providing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none")
	v := w.visitor()
	v.bring("login", s, of(fakeprovider.Google, gmail)).in()
	app := newAuthenticatorApp(t, v.do("GET", totpPath, "").wants(404).text("meta.secret"))
	v.post(totpPath, "code", app.at(w.clock.Now())).wants(200)
	if codes := v.recoveryCodes(); len(codes) != 10 {
		t.Errorf("%d codes", len(codes))
	}
	w.clock.Advance(10 * time.Minute)
	v.access = w.refreshed(v)
	if a := v.do("GET", recoveryPath, "").wants(401); !strings.Contains(a.Body, `"flows":[{"id":"mfa_reauthenticate","types":["recovery_codes","totp"]}]`) {
		t.Error(a.Body)
	}
	// With a password it is none: who has not given that has not proved anything.
	other := w.signedIn(ada).proved()
	w.clock.Advance(299 * time.Second)
	otherApp := newAuthenticatorApp(t, other.do("GET", totpPath, "").wants(404).text("meta.secret"))
	other.post(totpPath, "code", otherApp.at(w.clock.Now())).wants(200)
	w.clock.Advance(2 * time.Second)
	other.access = w.refreshed(other)
	other.do("GET", recoveryPath, "").wants(401)
}

// Whatever changes somebody and their session takes the person first: a password that changes
// ends their sessions, and a sign-in the oldest of them, with the person locked. In the other
// order both would wait for each other until PostgreSQL ends one with an error.
func TestTRACE_thePersonComesBeforeTheirSessions(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none")
	v := w.signedIn(ada).proved()
	calls := []func() answer{
		func() answer { return v.post(reauthFactorPath, "code", "000000") },
		func() answer { return v.do("POST", recoveryPath, "") },
		func() answer { return v.do("DELETE", sessionsPath, `{"sessions":[1]}`) },
	}
	for _, call := range calls {
		w.meanwhile("SELECT 1 FROM sessions FOR UPDATE NOWAIT", call)[0].wants(400)
	}
}

// Who has a factor and no password could prove anything with a first one: a token that was
// found must not be enough to set it.
func TestPasswordChange_theFirstOneNeedsTheFactorThatThereIs(t *testing.T) {
	t.Parallel()
	w, s := providing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none")
	v := w.visitor()
	v.bring("login", s, of(fakeprovider.Google, gmail)).in()
	app := v.withFirstTOTP()
	w.clock.Advance(10 * time.Minute)
	v.access = w.refreshed(v)
	if a := v.post(changePath, "new_password", goodPassword).wants(401); a.get("meta.is_authenticated") != true {
		t.Error(a.Body)
	}
	v.post(reauthFactorPath, "code", app.at(w.clock.Now())).wants(200)
	v.post(changePath, "new_password", goodPassword).wants(200)
}

// withFirstTOTP is withTOTP for somebody who has nothing to prove themselves with.
func (v *visitor) withFirstTOTP() authenticatorApp {
	v.w.t.Helper()
	app := newAuthenticatorApp(v.w.t, v.do("GET", totpPath, "").wants(404).text("meta.secret"))
	v.post(totpPath, "code", app.at(v.w.clock.Now())).wants(200)
	return app
}

// SEC-77: who guesses at codes does not keep the owner from their security key, and a new
// password forgives what was guessed with the old one.
func TestSEC77_wrongCodesDoNotStopTheSecurityKey(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none", `ACCOUNT_RATE_LIMITS={"login":false,"login_failed":"5/5m/key","signup":false,"mfa_failed":false}`)
	person, key := w.signedIn(ada), softkey.New(passkeyOrigin)
	person.withKey(key, false)
	app := person.withTOTP()
	thief := w.visitor()
	thief.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
	for range 5 {
		thief.post(factorPath, "code", "000000").wants(400, "incorrect_code@code")
	}
	v := w.visitor()
	v.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
	v.post(factorPath, "code", app.at(w.clock.Now())).wants(400, "too_many_login_attempts@code")
	v.do("POST", keyFactorPath, presented(key.Assert(v.asked(keyFactorPath)))).in()
	w.exec("UPDATE authenticators SET misses = 100")
	n := len(w.letters(ada))
	v = w.visitor()
	v.post(resetRequestPath, "email", ada).wants(200)
	v.post(resetPath, "key", w.mailedKey(ada, n+1), "password", anotherPassword).waits()
	if n := query[int](w, "SELECT count(*) FROM authenticators WHERE misses > 0"); n != 0 {
		t.Errorf("%d are still closed", n)
	}
}

// A change that waited for the one that ended its session changes nothing.
func TestTRACE_anEndedSessionChangesNothing(t *testing.T) {
	t.Parallel()
	w, s := providing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none")
	addresses := "SELECT string_agg(address, ',' ORDER BY address) FROM email_addresses"
	for name, call := range map[string]func(v *visitor) answer{
		"an address": func(v *visitor) answer { return v.post(emailsPath, "email", "another@example.com") },
		"a password": func(v *visitor) answer {
			return v.post(changePath, "current_password", goodPassword, "new_password", anotherPassword)
		},
		"a name":         func(v *visitor) answer { return v.do("PATCH", profilePath, `{"display":"Mallory"}`) },
		"other sessions": func(v *visitor) answer { return v.do("DELETE", sessionsPath, `{"sessions":[1]}`) },
		"a secret":       func(v *visitor) answer { return v.do("GET", totpPath, "") },
		"a deletion":     func(v *visitor) answer { return v.do("DELETE", accountPath, "") },
		"a service to remove": func(v *visitor) answer {
			return v.do("DELETE", providersPath, object("provider", "google", "account", "1"))
		},
		"a proof":             func(v *visitor) answer { return v.post(reauthPath, "password", goodPassword) },
		"a change of factors": func(v *visitor) answer { return v.do("POST", recoveryPath, "") },
		"by session token":    func(v *visitor) answer { v.access = ""; return v.do("POST", recoveryPath, "") },
		"a service":           func(v *visitor) answer { return v.bring("connect", s, of(fakeprovider.Google, gmail)) },
	} {
		v := w.signedIn(strings.ReplaceAll(name, " ", "") + "@example.com").proved()
		before := query[string](w, addresses)
		ended := w.meanwhile("UPDATE sessions SET ended_at = now(), end_reason = 'password_changed' WHERE ended_at IS NULL", func() answer { return call(v) })[0]
		status := 401
		if name == "by session token" {
			status = 410
		}
		if ended.wants(status).text("meta.end_reason") != "password_changed" {
			t.Errorf("%s: %s", name, ended.Body)
		}
		if after := query[string](w, addresses); after != before {
			t.Errorf("%s: the addresses are %s", name, after)
		}
		w.again(strings.ReplaceAll(name, " ", "") + "@example.com")
	}
	if w.identities() != "" {
		t.Error(w.identities())
	}
}

// Nor does it verify an address that it has begun to add.
func TestTRACE_anEndedSessionVerifiesNothing(t *testing.T) {
	t.Parallel()
	w := mailing(t, mandatoryByCode)
	v := w.verified(ada)
	v.post(emailsPath, "email", grace).wants(200)
	key := w.mailedCode(grace, 1)
	ended := w.meanwhile("UPDATE sessions SET ended_at = now(), end_reason = 'ended_by_user' WHERE ended_at IS NULL", func() answer { return v.post(verifyEmailPath, "key", key) })
	ended[0].wants(401)
	if n := query[int](w, "SELECT count(*) FROM email_addresses"); n != 1 {
		t.Errorf("%d addresses", n)
	}
}
