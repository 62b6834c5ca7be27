package e2e

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestTexts_carryACodeThatPhonesFillIn(t *testing.T) {
	t.Parallel()

	for name, c := range map[string]struct {
		settings string
		whole    string // the text, with N for the code
	}{
		"by default": {"", "Your code is\n\nN\n\nWe will never ask you for this code.\n"},
		"bound to a domain": {
			"LATCHKEY_SMS_DOMAIN=example.com",
			"Your code is\n\nN\n\nWe will never ask you for this code.\n\n@example.com #N\n",
		},
		"bound to the domain of passkeys": {
			"LATCHKEY_WEBAUTHN_RP_ID=id.example.com",
			"Your code is\n\nN\n\nWe will never ask you for this code.\n\n@id.example.com #N\n",
		},
		"to none": {
			"LATCHKEY_WEBAUTHN_RP_ID=id.example.com LATCHKEY_SMS_DOMAIN=none",
			"Your code is\n\nN\n\nWe will never ask you for this code.\n",
		},
		"for an Android app": {
			"LATCHKEY_SMS_ANDROID_HASH=FA+9qCX9VSu",
			"Your code is\n\nN\n\nWe will never ask you for this code.\n\nFA+9qCX9VSu\n",
		},
		"for both": {
			"LATCHKEY_SMS_ANDROID_HASH=FA+9qCX9VSu LATCHKEY_SMS_DOMAIN=example.com",
			"Your code is\n\nN\n\nWe will never ask you for this code.\n\nFA+9qCX9VSu\n@example.com #N\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			w, g := texting(t, byPhone, byCode, c.settings)
			v := w.visitor()
			v.post(signupPath, "phone", number, "password", goodPassword).waits("verify_phone")

			code := g.code(t, number, 1)
			text := g.text(t, number, 1)
			if want := strings.ReplaceAll(c.whole, "N", code); strings.ReplaceAll(want, code+"obody", "Nobody") != text {
				t.Errorf("got %q, want %q", text, want)
			}
			// SMS Retriever reads texts of 140 bytes at most.
			if len(text) > 140 {
				t.Errorf("%d bytes: %q", len(text), text)
			}
			v.post(verifyPhonePath, "code", code).in()

			w.clock.Advance(time.Minute)
			again := w.visitor()
			again.post(codeRequestPath, "phone", number).waits("login_by_code")
			again.post(codeConfirmPath, "code", g.code(t, number, 2)).in()
		})
	}
}

func TestTexts_aFormatThatIsSetWins(t *testing.T) {
	t.Parallel()

	for name, c := range map[string]struct {
		settings string
		want     string
	}{
		"for all codes":      {`ALLAUTH_USER_CODE_FORMAT={"length":10}`, `(?m)^[B-Z]{3}-[B-Z]{3}-[B-Z]{4}$`},
		"as allauth has it":  {`ALLAUTH_USER_CODE_FORMAT={}`, `(?m)^[B-Z]{4}-[B-Z]{4}$`},
		"for numbers":        {`ACCOUNT_PHONE_VERIFICATION_CODE_FORMAT={"numeric":true}`, `(?m)^\d{3}-\d{3}-\d{3}$`},
		"for numbers, first": {`ACCOUNT_PHONE_VERIFICATION_CODE_FORMAT={"length":6,"numeric":true} ALLAUTH_USER_CODE_FORMAT={}`, `(?m)^\d{3}-\d{3}$`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			w, g := texting(t, byPhone, byCode, c.settings)
			v := w.visitor()
			v.post(signupPath, "phone", number, "password", goodPassword).waits("verify_phone")

			code := regexp.MustCompile(c.want).FindString(g.text(t, number, 1))
			if code == "" {
				t.Fatalf("no such code in %q", g.text(t, number, 1))
			}
			v.post(verifyPhonePath, "code", code).in()
		})
	}
}

// Mails keep their letters: a mail is read by people, and nothing fills its code in for an app.
func TestTexts_mailsKeepTheirCodes(t *testing.T) {
	t.Parallel()

	w, _ := texting(t, byCode, "LATCHKEY_SMS_DOMAIN=example.com ACCOUNT_EMAIL_VERIFICATION=none")
	w.visitor().post(signupPath, "email", ada, "password", goodPassword).in()
	v := w.visitor()
	v.post(codeRequestPath, "email", ada).waits("login_by_code")

	if text := w.letter(ada, 1).text; !codeAlone.MatchString(text) || strings.Contains(text, "@example.com #") {
		t.Errorf("the mail: %q", text)
	}
	v.post(codeConfirmPath, "code", w.mailedCode(ada, 1)).in()
}

// There are fewer codes of digits than of letters. Guesses and texts are counted, so that a day
// holds at most sixty guesses at one number.
func TestTexts_guessesAtANumberAreBounded(t *testing.T) {
	t.Parallel()

	w, g := texting(t, byPhone, byCode, `ACCOUNT_RATE_LIMITS={"signup":false,"request_login_code":false}`)
	v := w.visitor()
	v.post(signupPath, "phone", number, "password", goodPassword).waits("verify_phone")
	v.post(verifyPhonePath, "code", g.code(t, number, 1)).in()

	guesses := 0
	for range 24 {
		w.clock.Advance(time.Hour)
		thief := w.visitor()
		if a := thief.post(codeRequestPath, "phone", number); a.Status != 401 {
			continue
		}
		for range 10 {
			a := thief.post(codeConfirmPath, "code", "00000000")
			if a.Status != 400 {
				break
			}
			guesses++
		}
	}
	if texts := len(g.all(number)); texts > 20 {
		t.Errorf("%d texts in a day, want 20 at most", texts)
	}
	if guesses == 0 || guesses > 60 {
		t.Errorf("%d guesses in a day, want 60 at most", guesses)
	}
}
