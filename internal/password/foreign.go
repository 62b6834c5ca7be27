package password

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/latchkey-auth/latchkey/internal/foreignhash"
)

// foreignKeys reads the keys of other systems' hashes.
func (s Settings) foreignKeys() (foreignhash.Keys, error) {
	keys := foreignhash.Keys{Pepper: s.BcryptPepper}
	if s.FirebaseSigner == "" {
		return keys, nil
	}

	signer, err := base64.StdEncoding.DecodeString(s.FirebaseSigner)
	if err != nil {
		// The cause would show a part of the key.
		return keys, fmt.Errorf("%s: %w", firebaseSetting, errors.New("must be base64, as base64_signer_key of Firebase's hash_config is"))
	}
	keys.FirebaseSigner = signer

	return keys, nil
}

// verifyForeign is Verify for a hash of another system. A right password is to be stored anew.
func (s *Slot) verifyForeign(name, typed, stored string) (ok, anew bool) {
	hash, err := foreignhash.Read(stored, s.gate.foreignKeys)
	if err != nil {
		s.reportUnreadable(err)
		s.compareWithDecoy(name, typed)

		return false, false
	}

	for _, spelling := range spellings(typed) {
		if hash.Matches(spelling) {
			return true, true
		}
	}

	return false, false
}

// spellings are the forms of a password that another system may have hashed: in NFC as here, as it was
// typed (Django), in NFKC (Better Auth). Most passwords have one.
func spellings(typed string) []string {
	all := []string{Normalize(typed)}
	for _, other := range []string{typed, norm.NFKC.String(strings.TrimSpace(typed))} {
		if !slices.Contains(all, other) {
			all = append(all, other)
		}
	}

	return all
}
