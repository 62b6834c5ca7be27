package factor

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
)

// hexText is bytes as the standard prints them.
type hexText []byte

func (h *hexText) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

// T-WAN-01: the vectors of WebAuthn Level 3, section 16,. Those that are refused are
// what we do not allow: frames, and algorithms that are not offered.
func TestTWAN01_vectorsOfTheStandard(t *testing.T) {
	t.Parallel()
	var vectors []struct {
		Name         string
		ID           hexText
		Registration struct{ Challenge, ClientDataJSON, AttestationObject hexText }
		Assertion    struct{ Challenge, ClientDataJSON, AuthenticatorData, Signature hexText }
	}
	data, err := os.ReadFile("testdata/webauthn-level-3-section-16.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &vectors); err != nil || len(vectors) != 11 {
		t.Fatalf("%d vectors, %v", len(vectors), err)
	}
	reasons := map[string]string{"none, ES256, crossOrigin": "frame", "none, ES256, topOrigin": "frame", "packed, ES384": "not offered"}
	f := keys(t, func(s *Settings) { s.RPID = "example.org" })
	for _, v := range vectors {
		u := person()
		answer := func(response map[string]any) json.RawMessage {
			built, _ := json.Marshal(map[string]any{"id": text(v.ID), "rawId": text(v.ID), "type": "public-key", "response": response})
			return built
		}
		r := answer(map[string]any{"clientDataJSON": text(v.Registration.ClientDataJSON), "attestationObject": text(v.Registration.AttestationObject)})
		c, err := f.FinishRegistration(Ceremony{Kind: registration, Challenge: v.Registration.Challenge, ExpiresAt: start.Add(1), Handle: u.Handle}, u, r, start)
		if reason := reasons[v.Name]; reason != "" {
			refused(t, v.Name, err, reason)
			continue
		}
		if err != nil {
			t.Errorf("%s, registration: %v", v.Name, err)
			continue
		}
		u.Credentials = []Credential{c}
		a := answer(map[string]any{
			"clientDataJSON": text(v.Assertion.ClientDataJSON), "authenticatorData": text(v.Assertion.AuthenticatorData), "signature": text(v.Assertion.Signature),
		})
		ceremony := Ceremony{Kind: assertion, Challenge: v.Assertion.Challenge, ExpiresAt: start.Add(1), Handle: u.Handle, Allowed: [][]byte{v.ID}}
		if _, err := f.FinishAssertion(ceremony, u, a, start); err != nil {
			t.Errorf("%s, assertion: %v", v.Name, err)
		}
	}
}
