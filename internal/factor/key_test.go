package factor

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"

	"github.com/latchkey-auth/latchkey/internal/softkey"
)

// T-WAN: keys that say they are of an algorithm that is offered, and could not be used, or
// only slowly.
func TestKeys_onlyThoseThatCanBeUsedWell(t *testing.T) {
	t.Parallel()
	f := keys(t)
	long := func(n int) []byte { return append(bytes.Repeat([]byte{0xff}, n-1), 0xfd) }
	e := []byte{1, 0, 1}
	rsa := func(n, e []byte) map[int]any { return map[int]any{1: 3, 3: -257, -1: n, -2: e} }
	zeros := make([]byte, 32)
	for name, key := range map[string]any{
		"RSA of 1024 bits":             rsa(long(128), e),
		"RSA of 1024 bits, padded":     rsa(append(make([]byte, 256), long(128)...), e),
		"RSA of 2040 bits":             rsa(long(255), e),
		"RSA of 8192 bits":             rsa(long(1024), e),
		"RSA with a long exponent":     rsa(long(256), long(5)),
		"RSA with no exponent":         rsa(long(256), nil),
		"RSA with SHA-1":               map[int]any{1: 3, 3: -65535, -1: long(256), -2: e},
		"RSA that says ES256":          map[int]any{1: 3, 3: -7, -1: long(256), -2: e},
		"RSA that says EdDSA":          map[int]any{1: 3, 3: -8, -1: long(256), -2: e},
		"P-256, not on the curve":      map[int]any{1: 2, 3: -7, -1: 1, -2: zeros, -3: zeros},
		"P-256, at infinity":           map[int]any{1: 2, 3: -7, -1: 1},
		"P-256 that says RS256":        map[int]any{1: 2, 3: -257, -1: 1, -2: zeros, -3: zeros},
		"ES256 on P-384":               map[int]any{1: 2, 3: -7, -1: 2, -2: zeros, -3: zeros},
		"Ed25519 of 31 bytes":          map[int]any{1: 1, 3: -8, -1: 6, -2: zeros[:31]},
		"Ed448":                        map[int]any{1: 1, 3: -8, -1: 7, -2: zeros},
		"Ed25519 that says ES256":      map[int]any{1: 1, 3: -7, -1: 6, -2: zeros},
		"no type":                      map[int]any{3: -7},
		"a symmetric key":              map[int]any{1: 4, 3: -7, -1: zeros},
		"no map":                       []int{1},
		"Ed25519 under another number": map[int]any{1: 1, 3: -19, -1: 6, -2: zeros},
	} {
		cose, err := webauthncbor.Marshal(key)
		if err != nil {
			t.Fatal(err)
		}
		u := person()
		_, err = register(t, f, &u, softkey.New(origin).With(softkey.PublicKey(cose)), true)
		refused(t, name, err, "")

		// One that was stored nevertheless, as by an import, proves nothing.
		k := softkey.New(origin)
		must[Credential](t)(register(t, f, &u, k, true))
		u.Credentials[0].PublicKey = cose
		_, err = assert(t, f, u, k)
		refused(t, name+", stored", err, "public key")
	}
	u := person()
	good, _ := webauthncbor.Marshal(rsa(long(512), e))
	must[Credential](t)(register(t, f, &u, softkey.New(origin).With(softkey.PublicKey(good)), true))
}

func TestKeys_transportsAreHintsAndNothingElse(t *testing.T) {
	t.Parallel()
	f, u := keys(t), person()
	for name, c := range map[string]struct {
		sent any
		want []string
	}{
		"known and new":  {[]any{"usb", "internal", "smart-card", "telepathy"}, []string{"usb", "internal", "smart-card", "telepathy"}},
		"not hints":      {[]any{"usb", 1, nil, "<script>", "USB", "", strings.Repeat("a", 33)}, []string{"usb"}},
		"too many":       {slices.Repeat([]any{"usb"}, 20), slices.Repeat([]string{"usb"}, 8)},
		"not a list":     {"usb", []string{}},
		"nothing at all": {nil, []string{}},
	} {
		options, ceremony, _ := f.StartRegistration(u, false, start)
		var object map[string]any
		_ = json.Unmarshal(softkey.New(origin).Register(options), &object)
		object["response"].(map[string]any)["transports"] = c.sent
		answer, _ := json.Marshal(object)
		got, err := f.FinishRegistration(ceremony, u, answer, start)
		if err != nil || !slices.Equal(got.Transports, c.want) || got.Transports == nil {
			t.Errorf("%s: %q, %v", name, got.Transports, err)
		}
	}
}
