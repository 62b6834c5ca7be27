package e2e

import (
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
