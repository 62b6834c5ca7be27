package factor

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// maxRecoveryCodes: which of them are used fits a uint64.
const maxRecoveryCodes = 64

// NewRecoveryCodes makes a set of codes, all different, every one as likely as every other.
func (f *Factors) NewRecoveryCodes() []string {
	end := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(f.settings.RecoveryDigits)), nil)

	var codes []string
	for len(codes) < f.settings.RecoveryCount {
		n, _ := rand.Int(rand.Reader, end) // never fails: crypto/rand ends the process instead
		if code := fmt.Sprintf("%0*d", f.settings.RecoveryDigits, n); !slices.Contains(codes, code) {
			codes = append(codes, code)
		}
	}

	return codes
}

// MatchRecoveryCode finds the code that was typed among those that are unused; bit i of
// used is set where codes[i] was used.
//
// Security: it does not remember. The caller sets the bit of index, and takes the code
// only where it was not set meanwhile, or a code works twice (SEC-45).
//
// Timing: every code is compared, used or not (TestRecovery_usedCodesNeverMatch).
func MatchRecoveryCode(codes []string, used uint64, typed string) (index int, ok bool) {
	text := []byte(Clean(typed))
	if len(text) == 0 || len(codes) > maxRecoveryCodes {
		return 0, false
	}

	for i, code := range codes {
		right := subtle.ConstantTimeCompare([]byte(Clean(code)), text) == 1
		if unused := used&(1<<i) == 0; right && unused && !ok {
			index, ok = i, true
		}
	}

	return index, ok
}

// Unused lists the codes that are left.
func Unused(codes []string, used uint64) []string {
	left := []string{}
	for i, code := range codes {
		if i < maxRecoveryCodes && used&(1<<i) == 0 {
			left = append(left, code)
		}
	}

	return left
}

// EncodeRecoveryCodes writes a set as it is sealed.
func EncodeRecoveryCodes(codes []string) []byte {
	text, _ := json.Marshal(codes) // strings always can be written
	return text
}

// DecodeRecoveryCodes reads what EncodeRecoveryCodes wrote.
func DecodeRecoveryCodes(text []byte) ([]string, error) {
	var codes []string
	if err := json.Unmarshal(text, &codes); err != nil || len(codes) > maxRecoveryCodes {
		return nil, errors.New("not a set of recovery codes") // the text is a secret: it stands in no message
	}

	return codes, nil
}
