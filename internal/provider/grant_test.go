package provider

import (
	"errors"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/secret"
)

// A grant that nobody can read any more is said to be one: it must not vanish in silence.
func TestGrant_withoutKeysIsSealed(t *testing.T) {
	if text, err := (Grant{Sealed: []byte{1}}).Open(nil); !errors.Is(err, secret.ErrSealed) || text != nil {
		t.Errorf("%q, %v", text, err)
	}
	if text, err := (Grant{}).Open(nil); err != nil || text != nil {
		t.Errorf("%q, %v", text, err)
	}
}
