package e2e

import (
	"crypto/sha1"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const withWords = "LATCHKEY_PASSWORD_WORDS=Acme,Road-Runner MFA_TOTP_ISSUER=Umbrella"

// Every operation that takes a new password refuses one that is made of a known word: the
// product's, the operator's, the user's.
func TestPassword_isNotMadeOfWordsThatAStrangerKnows(t *testing.T) {
	t.Parallel()
	const address = "grace.hopper@navylab.example"
	knownWords := map[string]string{
		"the product's name":   "latchkey2026",
		"an operator's word":   "acme-2026!",
		"the service's name":   "umbrella#1",
		"the local part":       "grace.hopper1",
		"the domain's label":   "NavyLab-26",
		"the whole address":    address,
		"with a common ending": "acmepassword",
	}

	for name, known := range knownWords {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := mailing(t, withWords, "ACCOUNT_SIGNUP_FIELDS=email*,password1")

			w.visitor().post(signupPath, "email", address, "password", known).wants(400, "password_too_similar@password")

			v := w.visitor()
			v.post(signupPath, "email", address).in()
			v.post(changePath, "new_password", known).wants(400, "password_too_similar@new_password")
			v.post(changePath, "new_password", goodPassword).wants(200)
			v.post(changePath, "current_password", goodPassword, "new_password", known).wants(400, "password_too_similar@new_password")

			w.visitor().post(resetRequestPath, "email", address).wants(200)
			key := w.mailedKey(address, 2)
			w.visitor().post(resetPath, "key", key, "password", known).wants(400, "password_too_similar@password")
			w.visitor().post(resetPath, "key", key, "password", "acme sells anvils to coyotes").waits()
		})
	}
}

// The commands of the operator follow the same rule.
func TestPassword_ofACommandIsNotMadeOfKnownWords(t *testing.T) {
	t.Parallel()
	w := start(t)
	command := func(input string, args ...string) result {
		return launch{args: args, input: input, env: append([]string{"DATABASE_URL=" + w.db}, strings.Fields(withWords)...)}.run(t)
	}

	command("acme-2026!\n", "users", "create", ada).wants(1, "too similar")
	command("road-runner-26\n", "users", "create", ada).wants(1, "too similar")
	command(goodPassword+"\n", "users", "create", ada, "--verified").wants(0)
	command("umbrella#1\n", "users", "set-password", ada).wants(1, "too similar")
}

// No rule asks for kinds of characters: fifteen digits are a passphrase.
func TestPassword_ofDigitsAloneNeedsFifteen(t *testing.T) {
	t.Parallel()
	w := start(t)

	w.visitor().post(signupPath, "email", ada, "password", "83619407836194").wants(400, "password_entirely_numeric@password")
	w.visitor().post(signupPath, "email", ada, "password", "836194078361940").in()
	w.visitor().post(loginPath, "email", ada, "password", "836194078361940").in()
}

// With a list of breached passwords every operation that takes a new one refuses those of the
// list; while the list cannot be read, no new password is accepted and sign-in goes on.
func TestPassword_isNotABreachedOne(t *testing.T) {
	t.Parallel()
	const leaked = "a leaked horse battery"
	list := filepath.Join(t.TempDir(), "pwned.txt")
	if err := os.WriteFile(list, fmt.Appendf(nil, "%X:37\r\n", sha1.Sum([]byte(leaked))), 0o600); err != nil {
		t.Fatal(err)
	}
	w := mailing(t, "LATCHKEY_PASSWORD_BREACHED_LIST="+list)

	w.visitor().post(signupPath, "email", ada, "password", leaked).wants(400, "password_too_common@password")
	v := w.signedIn(ada)
	v.post(changePath, "current_password", goodPassword, "new_password", leaked).wants(400, "password_too_common@new_password")
	w.visitor().post(resetRequestPath, "email", ada).wants(200)
	key := w.mailedKey(ada, 2)
	w.visitor().post(resetPath, "key", key, "password", leaked).wants(400, "password_too_common@password")

	if err := os.Remove(list); err != nil {
		t.Fatal(err)
	}
	if a := v.post(changePath, "current_password", goodPassword, "new_password", anotherPassword).wants(503); a.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	w.visitor().post(signupPath, "email", grace, "password", anotherPassword).wants(503)
	w.visitor().post(resetPath, "key", key, "password", anotherPassword).wants(503)
	w.again(ada)
}
