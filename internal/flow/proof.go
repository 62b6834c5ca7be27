package flow

import (
	"encoding/json"

	"github.com/latchkey-auth/latchkey/internal/session"
	"github.com/latchkey-auth/latchkey/internal/token"
)

// proofOf is what an access token says about the proofs of its session; nil where there are
// none.
func proofOf(methods json.RawMessage) *token.Proof {
	at, amr := session.Proofs(methods)
	if at.IsZero() {
		return nil
	}

	return &token.Proof{At: at, Methods: amr}
}
