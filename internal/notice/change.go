package notice

import (
	"context"
	"slices"
	"time"

	"github.com/latchkey-auth/latchkey/internal/limit"
	"github.com/latchkey-auth/latchkey/internal/outbox"
	"github.com/latchkey-auth/latchkey/internal/platform"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/session"
	"github.com/latchkey-auth/latchkey/internal/snapshot"
)

// Change is a change to the ways into an account, as messages tell of it.
type Change struct {
	UserID int64
	Kind   outbox.Kind
	// Before are the ways in before the change.
	Before snapshot.Ways
	// Email is an address that the change removes, or that is no longer the primary one.
	Email string
	// BySession: a signed-in caller made the change. Such changes have a budget.
	BySession bool
	From      session.Device
}

// longestWait is how long a message beyond the budget waits at most. The link in it works for
// days after that.
const longestWait = 3 * 24 * time.Hour

// Changed stores a change and tells the user of it, whatever ACCOUNT_EMAIL_NOTIFICATIONS says: a
// thief who changes what signs in stays in (NIST SP 800-63B-4, section 4.1.2). Call it in the
// transaction of the change. An account without a verified address or number has nobody to tell.
//
// A signed-in caller who makes changes all day long must not fill a mailbox: beyond the budget
// the messages wait. None is dropped, and nothing but such changes uses the budget up
// (TestUndo_messagesBeyondTheBudgetAreDelayedAndNeverDropped).
func (n *Notices) Changed(ctx context.Context, tx postgres.Tx, c Change) error {
	recipients := recipientsOf(c, tx.Now)
	if len(recipients) == 0 {
		return nil
	}

	recorded, err := snapshot.Record(ctx, tx, snapshot.Change{
		UserID: c.UserID, Kind: string(c.Kind), Before: c.Before,
		Platform: platform.Of(c.From.UserAgent), Network: platform.Network(c.From.Address),
	})
	if err != nil {
		return err
	}

	var wait time.Duration
	if c.BySession {
		if wait, err = n.Limiter.Later(ctx, tx, limit.ChangeNotice, limit.Subject{UserID: c.UserID}, longestWait); err != nil {
			return err
		}
	}

	for _, to := range recipients {
		if to.Phone && n.Unserved(to.Address) != nil {
			continue
		}

		m := outbox.Message{Kind: to.kind, UserID: c.UserID, To: to.Address, Date: tx.Now, Wait: wait, Device: deviceOf(c.From)}
		if c.BySession && to.kind == outbox.SMSAccountChanged {
			later, err := n.textLater(ctx, tx, c.UserID)
			if err != nil {
				return err
			}

			if later >= longestWait {
				continue
			}

			m.Wait = max(wait, later)
		}

		if to.link {
			if m.UndoKey, err = recorded.Issue(ctx, tx, to.Address); err != nil {
				return err
			}
		}

		if err := n.Outbox.Post(ctx, tx, m); err != nil {
			return err
		}
	}

	return nil
}

// textLater is how long a text about a change by a signed-in caller has to wait. At longestWait
// none is to be added: so many texts have been sent or wait, each with a link that undoes all that
// came after its change, that another one tells nothing.
//
// Security: texts cost money. Without an end, a user could have thousands sent to a number of
// theirs (TestUndo_textsAboutChangesHaveAnEnd).
func (n *Notices) textLater(ctx context.Context, tx postgres.Tx, userID int64) (time.Duration, error) {
	return n.Limiter.Later(ctx, tx, limit.ChangeText, limit.Subject{UserID: userID}, longestWait)
}

// recipient is an address or number that gets a message about a change.
type recipient struct {
	snapshot.Target
	kind outbox.Kind
	// link: the message carries a link that undoes the change.
	link bool
}

// recipientsOf lists who gets a message about a change: every target that may undo it, with a link, and
// without one the primary address of before, and the address or number that the change is about.
// A number gets a text where the change is about it, or where no address may undo the change.
func recipientsOf(c Change, now time.Time) []recipient {
	trusted := c.Before.Trusted(now)
	aboutPhone := c.Kind == outbox.PhoneAdded || c.Kind == outbox.PhoneChanged
	textOnly := !slices.ContainsFunc(trusted, func(t snapshot.Target) bool { return !t.Phone })

	var list []recipient
	for _, t := range c.Before.Verified() {
		link := slices.Contains(trusted, t)

		concerned := t.Address == c.Email || t.Address == c.Before.Primary()

		kind := c.Kind
		if t.Phone {
			concerned, kind = c.Kind == outbox.PhoneChanged, outbox.SMSAccountChanged
			link = link && (aboutPhone || textOnly)
		}

		if t.Phone && c.Kind == outbox.PhoneChanged {
			kind = outbox.SMSPhoneChanged
		}

		if link || concerned {
			list = append(list, recipient{t, kind, link})
		}
	}

	return list
}

// Restoration is what an undo link has done, as messages tell of it.
type Restoration struct {
	Told outbox.Restored
	// ResetSentTo is the address that gets a link to set a new password, too; empty for none.
	ResetSentTo string
	From        session.Device
}

// AccountRestored tells every verified address of a user that an undo link has restored the
// account or, where there is none, the number.
func (n *Notices) AccountRestored(ctx context.Context, tx postgres.Tx, userID int64, r Restoration) error {
	ways, err := snapshot.Take(ctx, tx, userID)
	if err != nil {
		return err
	}

	verified := ways.Verified()
	textOnly := !slices.ContainsFunc(verified, func(t snapshot.Target) bool { return !t.Phone })

	for _, t := range verified {
		if t.Phone && !textOnly {
			continue
		}

		m := outbox.Message{Kind: outbox.AccountRestored, UserID: userID, To: t.Address, Date: tx.Now, Restored: r.Told, Device: deviceOf(r.From)}

		m.Restored.ResetSent = t.Address == r.ResetSentTo
		if t.Phone {
			m.Kind = outbox.SMSAccountRestored
		}

		if err := n.Outbox.Post(ctx, tx, m); err != nil {
			return err
		}
	}

	return nil
}
