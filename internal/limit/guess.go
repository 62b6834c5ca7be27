package limit

import (
	"context"
	"strconv"

	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/typed"
)

// SecondFactor is what a guess at a user's second factor counts for.
func SecondFactor(userID int64) Subject {
	return Subject{Key: "user " + strconv.FormatInt(userID, 10), UserID: userID}
}

// Name is what guesses at an address, a number or a user name count for.
//
// Security: all spellings of one name are one (TestUsername_allSpellingsShareTheGuesses).
func Name(name string) string { return typed.Key(name) }

// ForgetGuesses clears every counter of wrong guesses at what a user signs in with: the old
// password may have been known to others, who have used them up. names are what the user can
// be named by: addresses, number, user name.
func (l *Limiter) ForgetGuesses(ctx context.Context, tx postgres.Tx, userID int64, names ...string) error {
	subjects := []Subject{SecondFactor(userID)}
	for _, name := range names {
		subjects = append(subjects, Subject{Key: Name(name), UserID: userID})
	}

	for _, s := range subjects {
		for _, action := range []Action{LoginFailed, MFAFailed, LoginFailedDevice, MFAFailedDevice} {
			if err := l.Forget(ctx, tx, action, s); err != nil {
				return err
			}
		}
	}

	return nil
}
