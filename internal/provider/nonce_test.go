package provider_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/provider"
)

func TestMatchesNonce_takesTheThreeForms(t *testing.T) {
	t.Parallel()
	raw := provider.NewNonce()
	if len(raw) != 43 || raw == provider.NewNonce() {
		t.Fatalf("%q", raw)
	}
	sum := sha256.Sum256([]byte(raw))
	hash := hex.EncodeToString(sum[:])
	if provider.HashNonce(raw) != hash {
		t.Error(provider.HashNonce(raw))
	}
	for claim, want := range map[string]bool{
		raw: true, hash: true, base64.RawURLEncoding.EncodeToString(sum[:]): true,
		"": false, strings.ToUpper(hash): false, raw[:42]: false, raw + "x": false, hash[:32]: false, base64.URLEncoding.EncodeToString(sum[:]): false, provider.HashNonce(hash): false,
	} {
		if provider.MatchesNonce(claim, raw) != want {
			t.Errorf("%q: want %v", claim, want)
		}
	}
	if provider.MatchesNonce("", "") || provider.MatchesNonce(hash, "") {
		t.Error("nothing matches something")
	}
}
