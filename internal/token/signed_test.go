package token

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/lestrrat-go/jwx/v2/jws"
)

// countingVerifier counts the signatures that are checked.
type countingVerifier struct {
	jws.Verifier
	checks int
}

func (c *countingVerifier) Verify(signed, signature []byte, key any) error {
	c.checks++

	return c.Verifier.Verify(signed, signature, key)
}

// The first showing of a token costs no check of its signature where the same process has signed it.
func TestRememberIn_noSignatureOfThisProcessIsChecked(t *testing.T) {
	t.Parallel()

	text, _, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	ring, err := NewKeyring(text)
	if err != nil {
		t.Fatal(err)
	}
	s := Settings{Algorithm: "ES256", AccessExpiresIn: 300, Issuer: "https://auth.example.test", Audience: "example"}
	issuer, err1 := NewIssuer(ring, s)
	verifier, err2 := NewVerifier(ring, s)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	counting := &countingVerifier{Verifier: verifier.verifier}
	verifier.verifier = counting

	now := time.Unix(1_800_000_000, 0)
	c := Claims{Subject: "1", SessionID: uuid.UUID{1}, Generation: 1, IssuedAt: now, ExpiresAt: now.Add(time.Hour)}
	show := func() {
		access, err1 := issuer.Access(c, now)
		refresh, err2 := issuer.Refresh(c)
		_, err3 := verifier.Access(access, now)
		_, err4 := verifier.Refresh(refresh)
		if err := errors.Join(err1, err2, err3, err4); err != nil {
			t.Fatal(err)
		}
	}

	show()
	if counting.checks != 2 {
		t.Errorf("strangers' tokens: %d signatures were checked, want 2", counting.checks)
	}
	issuer.RememberIn(verifier)
	show()
	if counting.checks != 2 {
		t.Errorf("tokens of this process: %d signatures were checked, want none", counting.checks-2)
	}
}
