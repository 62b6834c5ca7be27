package session

import (
	"encoding/json"
	"slices"
	"time"
)

// Proofs says when and how a user proved who they are: `auth_time` and `amr` of access
// tokens. The time is that of the last proof, and zero where no proof is known, as right
// after a sign-up. The methods are those of all proofs of the session, in the words of
// RFC 8176, in order and each once.
func Proofs(stored json.RawMessage) (at time.Time, amr []string) {
	var methods []Method
	if json.Unmarshal(stored, &methods) != nil {
		return time.Time{}, nil // what cannot be read proves nothing
	}

	last := 0.0
	first, second := false, false
	for _, m := range methods {
		if m.Method == BySignUp {
			continue
		}
		last = max(last, m.At)
		amr = append(amr, m.references()...)

		// A passkey that signs in alone has verified its user: it is both factors in one.
		isSecond := m.Method == "mfa"
		first = first || !isSecond || m.Passwordless
		second = second || isSecond
	}
	if first && second {
		amr = append(amr, "mfa")
	}
	if last > 0 {
		at = time.Unix(int64(last), 0).UTC()
	}

	slices.Sort(amr)
	return at, slices.Compact(amr)
}

// references are the values of RFC 8176 for one proof. Providers and password resets have
// none there. A WebAuthn key is called software-secured, because nothing here proves that it
// is a hardware key.
func (m Method) references() []string {
	switch m.Method {
	case "password":
		return []string{"pwd"}
	case "code":
		if m.Phone != "" {
			return []string{"otp", "sms"}
		}
		return []string{"otp"}
	case "mfa":
		if m.Type == "webauthn" {
			return []string{"swk", "user"}
		}
		return []string{"otp"}
	}

	return nil
}
