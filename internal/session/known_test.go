package session

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/secret"
)

func TestDevices_readTheirOwnTokensAndNoOthers(t *testing.T) {
	t.Parallel()
	d, id := NewDevices(secret.NewKey([]byte("one"))), uuid.UUID{1, 2, 3}
	token := d.Token(id)
	if got, ok := d.Session(token); !ok || got != id || len(token) != 48 {
		t.Errorf("%s: %v %v", token, got, ok)
	}

	changed := []byte(token)
	changed[6]++
	for name, other := range map[string]string{
		"of another secret": NewDevices(secret.NewKey([]byte("two"))).Token(id), "changed": string(changed), "empty": "", "cut": token[:40], "longer": token + "AAAA",
		"without its prefix": strings.TrimPrefix(token, devicePrefix), "with a line break": token[:20] + "\n" + token[20:], "a session token": "lkst_" + token[5:],
	} {
		if _, ok := d.Session(other); ok {
			t.Errorf("%s is taken", name)
		}
	}
}
