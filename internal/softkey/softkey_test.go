package softkey

import (
	"encoding/hex"
	"testing"
)

// RFC 8949, appendix A.
func TestCBOR_encodesTheExamplesOfTheStandard(t *testing.T) {
	t.Parallel()
	for want, got := range map[string][]byte{
		"00": intOf(0), "17": intOf(23), "1818": intOf(24), "1903e8": intOf(1000), "1a000f4240": intOf(1000000), "20": intOf(-1), "3903e7": intOf(-1000),
		"40": bytesOf(nil), "4401020304": bytesOf([]byte{1, 2, 3, 4}), "60": textOf(""), "6449455446": textOf("IETF"), "a0": mapOf(),
		"a201020304": mapOf(pair{intOf(1), intOf(2)}, pair{intOf(3), intOf(4)}),
	} {
		if hex.EncodeToString(got) != want {
			t.Errorf("%x, want %s", got, want)
		}
	}
}

func TestKey_refusesWhatABrowserWouldRefuse(t *testing.T) {
	t.Parallel()
	k := New("https://example.com")
	k.Register([]byte(`{"publicKey":{"rp":{"id":"example.com"},"user":{"id":"AQ"},"challenge":"AA"}}`))
	for name, call := range map[string]func(){
		"no options": func() { k.Register([]byte(`{}`)) },
		"an excluded key": func() {
			k.Register([]byte(`{"rp":{"id":"example.com"},"challenge":"AA","excludeCredentials":[{"id":"` + encode(k.IDs()[0]) + `"}]}`))
		},
		"another's key":      func() { k.Assert([]byte(`{"rpId":"example.com","challenge":"AA","allowCredentials":[{"id":"AA"}]}`)) },
		"not discoverable":   func() { k.Assert([]byte(`{"rpId":"example.com","challenge":"AA"}`)) },
		"unknown algorithms": func() { k.With(Algorithm(0)).Register([]byte(`{"challenge":"AA"}`)) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: was answered", name)
				}
			}()
			call()
		}()
	}
}
