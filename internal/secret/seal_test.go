package secret_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/secret"
)

func key(b byte) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32)) }

func TestSealer_opensWhatItSealedThereAndNowhereElse(t *testing.T) {
	t.Parallel()
	s, err := secret.ParseSealer("new:" + key(1) + ", old:" + key(2))
	if err != nil {
		t.Fatal(err)
	}
	sealed := s.Seal([]byte("BCDF-GHJK"), "row 1")
	if bytes.Contains(sealed, []byte("BCDF")) || bytes.Equal(sealed, s.Seal([]byte("BCDF-GHJK"), "row 1")) {
		t.Error("not sealed, or sealed twice alike")
	}
	if text, err := s.Open(sealed, "row 1"); err != nil || string(text) != "BCDF-GHJK" {
		t.Errorf("%q, %v", text, err)
	}
	broken := bytes.Clone(sealed)
	broken[len(broken)-1] ^= 1
	for name, try := range map[string][]byte{"elsewhere": sealed, "broken": broken, "short": sealed[:8], "empty": nil} {
		about := "row 1"
		if name == "elsewhere" {
			about = "row 2"
		}
		if text, err := s.Open(try, about); !errors.Is(err, secret.ErrSealed) {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}

func TestSealer_oldKeysOpenAndTheFirstSeals(t *testing.T) {
	t.Parallel()
	before, _ := secret.ParseSealer("old:" + key(2))
	after, _ := secret.ParseSealer("new:" + key(1) + ",old:" + key(2))
	sealed := before.Seal([]byte("x"), "row")
	if text, err := after.Open(sealed, "row"); err != nil || string(text) != "x" {
		t.Errorf("%q, %v", text, err)
	}
	if text, err := before.Open(after.Seal([]byte("x"), "row"), "row"); !errors.Is(err, secret.ErrSealed) {
		t.Errorf("%q, %v: the first key does not seal", text, err)
	}
	// The id of the key is bound in: a text cannot be passed off as another key's.
	forged := append([]byte("new"), sealed[3:]...)
	if _, err := after.Open(forged, "row"); !errors.Is(err, secret.ErrSealed) {
		t.Error(err)
	}
}

func TestParseSealer_refusesWhatIsNoKeyWithoutShowingIt(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "x", "a-key-without-an-id", "a:" + key(1)[:20], "a:" + key(1) + ",a:" + key(2), "a b:" + key(1), ":" + key(1), "a:c2hvcnQ="} {
		if _, err := secret.ParseSealer(text); err == nil || len(text) > 8 && strings.Contains(err.Error(), text[4:]) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
