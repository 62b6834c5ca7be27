package e2e

import (
	"regexp"
	"strings"
	"testing"
)

// scripts are the digits of other keyboards, from zero on.
var scripts = map[string]string{
	"Arabic": "٠١٢٣٤٥٦٧٨٩", "Persian": "۰۱۲۳۴۵۶۷۸۹", "Hindi": "०१२३४५६७८९", "Thai": "๐๑๒๓๔๕๖๗๘๙", "full width": "０１２３４５６７８９",
}

var numericCode = regexp.MustCompile(`[0-9]{3}-[0-9]{3}-[0-9]{3}`)

// in writes the ASCII digits of a text in another script, as one that was pasted: between
// characters that nobody sees.
func in(script, text string) string {
	digits := []rune(script)
	written := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return digits[r-'0']
		}
		return r
	}, text)
	return "\u202a" + written + "\u202c "
}

func TestTyped_codesAndNumbersInEveryScript(t *testing.T) {
	t.Parallel()
	for name, script := range scripts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, g := texting(t, byCode, withFactors, `ALLAUTH_USER_CODE_FORMAT={"numeric":true}`,
				"ACCOUNT_SIGNUP_FIELDS=email*,phone,password1* ACCOUNT_LOGIN_METHODS=email,phone ACCOUNT_EMAIL_VERIFICATION=none")
			v := w.visitor()
			v.post(signupPath, "email", ada, "phone", in(script, "+31 6 1234-5678"), "password", goodPassword).waits("verify_phone")
			v.post(verifyPhonePath, "code", in(script, numericCode.FindString(g.text(t, number, 1)))).in()

			w.exec("UPDATE email_addresses SET verified_at = created_at")
			other := w.visitor()
			other.post(codeRequestPath, "email", ada).waits("login_by_code")
			other.post(codeConfirmPath, "code", in(script, numericCode.FindString(w.letter(ada, 1).text))).in()

			app := v.proved().withTOTP()
			codes := v.recoveryCodes()
			w.clock.Advance(31e9)
			again := w.visitor()
			again.post(loginPath, "phone", in(script, "tel:"+number), "password", goodPassword).waits("mfa_authenticate")
			again.post(factorPath, "code", in(script, app.at(w.clock.Now()))).in()
			last := w.visitor()
			last.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
			last.post(factorPath, "code", in(script, codes[0])).in()
		})
	}
}

func TestTyped_whatIsNoNumberStaysNone(t *testing.T) {
	t.Parallel()
	w, _ := texting(t, "ACCOUNT_SIGNUP_FIELDS=email*,phone*,password1*")
	for _, wrong := range []string{"0031612345678", "31612345678", "+", "+31", "+3161234567x", "++31612345678", "tel:612345678", "+31 6 1234 5678 ext 3", "\u202a\u202c"} {
		a := w.visitor().post(signupPath, "email", ada, "phone", wrong, "password", goodPassword)
		if a.Status != 400 || !strings.Contains(a.Body, `"phone"`) {
			t.Errorf("%q: %d %s", wrong, a.Status, a.Body)
		}
	}
}

// dashed writes a dash after every third character.
func dashed(text, dash string) string {
	var written strings.Builder
	for i, r := range text {
		if i > 0 && i%3 == 0 {
			written.WriteString(dash)
		}
		written.WriteRune(r)
	}

	return written.String()
}

var mailedCode = regexp.MustCompile(`(?m)^[A-Z]{4}-[A-Z]{4}$`)

// Keyboards make other dashes of a dash, and copying takes more than the code along.
func TestTyped_whatKeyboardsAndMessagesAdd(t *testing.T) {
	t.Parallel()

	for name, write := range map[string]func(string) string{
		"a long dash":        func(code string) string { return dashed(strings.ToLower(code), "\u2014") },
		"dashes of a font":   func(code string) string { return dashed(code, "\u2011") },
		"minus signs":        func(code string) string { return dashed(code, "\u2212") },
		"narrow blanks":      func(code string) string { return dashed(code, "\u202f") },
		"quotes and a stop":  func(code string) string { return "«" + code + "»." },
		"brackets":           func(code string) string { return "[" + code + "]" },
		"a soft hyphen":      func(code string) string { return dashed(code, "\u00ad") },
		"a line's end":       func(code string) string { return code + "\r\n" },
		"full-width letters": func(code string) string { return strings.Map(fullWidth, code) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			w := mailing(t, byCode, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none")
			v := w.signedIn(ada).proved()
			app := v.withTOTP()
			codes := v.recoveryCodes()
			w.exec("UPDATE email_addresses SET verified_at = created_at")
			w.clock.Advance(31e9)

			for i, second := range []string{app.at(w.clock.Now()), codes[0]} {
				again := w.visitor()
				again.post(codeRequestPath, "email", ada).waits("login_by_code")
				mailed := mailedCode.FindString(w.letter(ada, i+1).text)
				again.post(codeConfirmPath, "code", write(strings.ReplaceAll(mailed, "-", ""))).waits("mfa_authenticate")
				again.post(factorPath, "code", write(second)).in()
			}
		})
	}
}

// fullWidth is the full-width form of an ASCII character.
func fullWidth(r rune) rune { return r - '!' + '！' }
