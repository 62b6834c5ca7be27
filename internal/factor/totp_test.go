package factor

import (
	"bytes"
	"encoding/hex"
	"net/url"
	"strings"
	"testing"
	"time"
)

// usual are the settings as allauth has them.
func usual() Settings {
	return Settings{
		Types: []string{RecoveryCodes, TOTP}, TOTPPeriod: 30, TOTPDigits: 6, RecoveryCount: 10, RecoveryDigits: 8,
		UserVerification: "preferred",
	}
}

func with(t *testing.T, change func(*Settings)) *Factors {
	t.Helper()
	s := usual()
	if change != nil {
		change(&s)
	}
	f, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func at(seconds int64) time.Time { return time.Unix(seconds, 0) }

// RFC 6238, appendix B: the rows of SHA-1.
func TestTTOTP01_vectorsOfTheStandard(t *testing.T) {
	t.Parallel()
	secret := []byte("12345678901234567890")
	for seconds, code := range map[int64]string{
		59: "94287082", 1111111109: "07081804", 1111111111: "14050471", 1234567890: "89005924", 2000000000: "69279037", 20000000000: "65353130",
	} {
		for digits := 6; digits <= 8; digits++ {
			f := with(t, func(s *Settings) { s.TOTPDigits = digits })
			step, ok := f.MatchTOTP(secret, code[8-digits:], at(seconds))
			if !ok || step != seconds/30 {
				t.Errorf("%d, %d digits: step %d, %v", seconds, digits, step, ok)
			}
		}
	}
}

// T-TOTP-02.
func TestTOTP_everyAllowedStepIsCompared(t *testing.T) {
	t.Parallel()
	secret := NewTOTPSecret()
	now := at(1_700_000_000)
	current := now.Unix() / 30
	for tolerance := range 2 {
		f := with(t, func(s *Settings) { s.TOTPTolerance = tolerance })
		for d := int64(-3); d <= 3; d++ {
			step, ok := f.MatchTOTP(secret, totp(secret, current+d, 6), now)
			want := d >= -int64(tolerance) && d <= int64(tolerance)
			if ok != want || ok && step != current+d {
				t.Errorf("tolerance %d, %+d steps: %d, %v", tolerance, d, step-current, ok)
			}
		}
	}
}

// Of two steps with the same code the newer is the safe answer: the older is then used up
// with it.
func TestTOTP_theNewestOfTwoStepsIsReported(t *testing.T) {
	t.Parallel()
	f := with(t, func(s *Settings) { s.TOTPTolerance = 1 })
	secret := []byte("12345678901234567890")
	for step := int64(1); step < 20_000_000; step++ {
		if code := totp(secret, step, 6); code == totp(secret, step+1, 6) {
			if got, ok := f.MatchTOTP(secret, code, at(step*30)); !ok || got != step+1 {
				t.Errorf("step %d, %v; want %d", got, ok, step+1)
			}
			return
		}
	}
	t.Fatal("no two steps with the same code")
}

func TestTOTP_onlyDigitsOfTheRightNumber(t *testing.T) {
	t.Parallel()
	f := with(t, nil)
	secret := []byte("12345678901234567890")
	now := at(1111111109) // 081804
	for _, good := range []string{"081804", " 081 804\n", "081-804", "0-8-1-8-0-4", "081\u00a0804", "08180٤", "۰۸۱۸۰۴", "\u202a081804\u202c", "081\u2013804", "081.804", "«081804»", "+081804"} {
		if _, ok := f.MatchTOTP(secret, good, now); !ok {
			t.Errorf("%q did not pass", good)
		}
	}
	for _, bad := range []string{"", "81804", "7081804", "07081804", "081804x", "+81804", "081804\x00", "081805", "081_804", "081804" + strings.Repeat("0", 1<<16)} {
		if _, ok := f.MatchTOTP(secret, bad, now); ok {
			t.Errorf("%q passed", bad)
		}
	}
	if _, ok := f.MatchTOTP(nil, totp(nil, now.Unix()/30, 6), now); ok {
		t.Error("no secret has a code")
	}
}

func TestSEC52_secretsAre160RandomBits(t *testing.T) {
	t.Parallel()
	a, b := NewTOTPSecret(), NewTOTPSecret()
	if len(a) != 20 || bytes.Equal(a, b) {
		t.Errorf("%d bytes", len(a))
	}
	text := EncodeTOTPSecret(a)
	if len(text) != 32 || strings.Contains(text, "=") {
		t.Errorf("%d characters", len(text))
	}
	for _, form := range []string{text, strings.ToLower(text), text[:4] + " " + text[4:], text + "===="} {
		if back, err := DecodeTOTPSecret(form); err != nil || !bytes.Equal(back, a) {
			t.Errorf("not the same back: %v", err)
		}
	}
	for _, bad := range []string{"", "1", "AB1=", "ÄÖ"} {
		if _, err := DecodeTOTPSecret(bad); err == nil || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestTOTPURL_readsAsAppsReadIt(t *testing.T) {
	t.Parallel()
	f := with(t, nil)
	if got := f.TOTPURL("ABC", "a@example.com"); got != "otpauth://totp/a%40example.com?secret=ABC" {
		t.Error(got)
	}
	f = with(t, func(s *Settings) { s.TOTPIssuer, s.TOTPDigits, s.TOTPPeriod = "Äpfel & Co: 100%", 8, 60 })
	got := f.TOTPURL("ABC", "a+b c/d?e#f@example.com")
	u, err := url.Parse(got)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(got, "+") || u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/Äpfel & Co: 100%:a+b c/d?e#f@example.com" || u.Fragment != "" {
		t.Errorf("%s: %q", got, u.Path)
	}
	q := u.Query()
	if q.Get("issuer") != "Äpfel & Co: 100%" || q.Get("secret") != "ABC" || q.Get("digits") != "8" || q.Get("period") != "60" || len(q) != 4 {
		t.Error(got)
	}
	f = with(t, func(s *Settings) { s.RPName = "Shop" })
	if got := f.TOTPURL("ABC", "a"); got != "otpauth://totp/Shop:a?secret=ABC&issuer=Shop" {
		t.Error(got)
	}
}

func FuzzMatchTOTP(f *testing.F) {
	f.Add("081804")
	f.Add(" 08-18\u2028 04")
	f.Add("\xff")
	factors, _ := New(usual())
	secret, _ := hex.DecodeString("3132333435363738393031323334353637383930")
	f.Fuzz(func(t *testing.T, typed string) {
		if _, ok := factors.MatchTOTP(secret, typed, at(1111111109)); ok != (Clean(typed) == "081804") {
			t.Errorf("%q: %v", typed, ok)
		}
		if Clean(Clean(typed)) != Clean(typed) {
			t.Errorf("%q: not the same twice", typed)
		}
	})
}
