// Package unverified owns what an account may not do until its user has verified an address or
// a number. It does not own how that is verified (internal/flow).
package unverified

import (
	"context"

	"github.com/latchkey-auth/latchkey/internal/policy"
	"github.com/latchkey-auth/latchkey/internal/postgres"
)

// Refuses reports whether an account must not connect anything yet: a provider, a second
// factor, a passkey, a number, or a further address. That holds for an account that has an
// unverified address and has verified neither an address nor a number. It may replace the
// address. ACCOUNT_EMAIL_VERIFICATION=none switches the rule off.
//
// Security: a stranger may have created the account with the address of another user. A provider that the stranger
// connected would still open the account after the owner of the address has taken it over
// (TestUnverified_connectsNothing). Lock the user first, so that nothing is connected while
// the address changes.
func Refuses(ctx context.Context, tx postgres.Tx, settings policy.Settings, userID int64) (bool, error) {
	if settings.EmailVerification == "none" {
		return false, nil
	}

	return tx.FindUnproved(ctx, userID)
}
