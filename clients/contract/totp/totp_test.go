package totp

import (
	"testing"
	"time"
)

// The test vectors of RFC 6238, appendix B, for SHA-1.
func TestTOTP_isThatOfTheRFC(t *testing.T) {
	t.Parallel()
	app, err := New("otpauth://totp/x?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&digits=8")
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[int64]string{59: "94287082", 1111111109: "07081804", 1111111111: "14050471", 1234567890: "89005924", 20000000000: "65353130"} {
		if got := app.Code(time.Unix(at, 0)); got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
	}
}

func TestTOTP_readsWhatTheURLSays(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]App{
		"otpauth://totp/Latchkey:ada%40example.com?secret=MFRGG&issuer=Latchkey": {period: 30, digits: 6},
		"otpauth://totp/x?secret=MFRGG&period=60&digits=8":                       {period: 60, digits: 8},
		"otpauth://totp/x?secret=MFRGG&period=0&digits=99":                       {period: 30, digits: 6},
	} {
		app, err := New(address)
		if err != nil || string(app.secret) != "abc" || app.period != want.period || app.digits != want.digits {
			t.Errorf("%s: %+v, %v", address, app, err)
		}
	}
	for _, address := range []string{"", "https://totp/x?secret=MFRGG", "otpauth://hotp/x?secret=MFRGG", "otpauth://totp/x", "otpauth://totp/x?secret=1"} {
		if _, err := New(address); err == nil {
			t.Errorf("%q is taken", address)
		}
	}
}
