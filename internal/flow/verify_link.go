package flow

import (
	"context"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/code"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
)

// ownership is who opens a link, and what their pending session waits for.
type ownership struct {
	who     caller.Caller
	attempt Attempt
}

// owns reports whether the caller is in a session of the user, signed in or pending: whoever
// opens a link elsewhere has shown that they read the mail, and not that the account is theirs.
func (o ownership) owns(userID int64) bool {
	if o.who.SignedIn() {
		return o.who.Session.UserID == userID
	}
	return o.attempt.UserID == userID
}

// linkShown is the key of a link, and what it would verify.
type linkShown struct {
	key string
	of  *Verification
}

// peekLink shows what a link would verify, and changes nothing.
func (f *Flow) peekLink(ctx context.Context, tx postgres.Tx, o ownership, shown linkShown) (*problem.Problem, error) {
	if shown.key == "" {
		return problem.Required.At("key"), nil
	}
	link, found, err := code.FindLink(ctx, tx.Queries, code.VerifyEmail, shown.key, tx.Now)
	if err != nil || !found {
		return problem.InvalidOrExpiredKey.At("key"), err
	}
	taken, err := VerifiedByAnother(ctx, tx, link.UserID, link.Address)
	if err != nil || taken {
		return problem.EmailTaken.At("key"), err
	}

	user, err := tx.FindUser(ctx, link.UserID)
	if err != nil {
		return nil, err
	}
	if !o.owns(link.UserID) {
		user = shortened(user, link.Address)
	}

	v := shown.of
	v.Address, v.User, v.Asked = link.Address, user, &Asked{link.CreatedAt, link.Platform}
	return nil, nil
}

// verifyByLink uses a link up, whoever opened it. A sign-in that waits in this session goes on
// only if the setting says so and the link was made for it; otherwise it is dropped. A sign-in
// that waits for the link in another session goes on by itself: see CurrentSession.
func (f *Flow) verifyByLink(ctx context.Context, tx postgres.Tx, who caller.Caller, a Attempt, key string) (progress, *problem.Problem, error) {
	if key == "" {
		return progress{}, problem.Required.At("key"), nil
	}
	link, found, err := f.lockLink(ctx, tx, key)
	if err != nil || !found {
		return progress{}, problem.InvalidOrExpiredKey.At("key"), err
	}

	// A refusal is committed, so that nothing may be written before the last of them.
	taken, err := VerifiedByAnother(ctx, tx, link.UserID, link.Address)
	if err != nil || taken {
		return progress{}, problem.EmailTaken.At("key"), err
	}
	if refusal, err := f.provedElsewhere(ctx, tx, ownership{who, a}, link); err != nil || refusal != nil {
		return progress{}, refusal, err
	}

	if _, found, err := code.UseVerification(ctx, tx, key); err != nil || !found {
		return progress{}, problem.InvalidOrExpiredKey.At("key"), err
	}
	theirs, err := f.confirmEmail(ctx, tx, confirmation{link.UserID, link.Address, false}, who.Device)
	if err != nil || !theirs {
		return progress{}, problem.InvalidOrExpiredKey.At("key"), err
	}

	if who.SignedIn() || a.Stage == "" {
		return progress{}, nil, nil
	}
	waits := a.Stage == VerifyEmail && a.UserID == link.UserID && link.SessionID != nil && *link.SessionID == who.Pending.ID
	if waits && f.Policy.LoginOnConfirmation {
		p, err := f.advance(ctx, tx, who, &a)
		return p, nil, err
	}
	return progress{}, nil, f.forget(ctx, tx, who)
}

// lockLink finds a link that verifies an address, with its user locked. It reports false where
// the key opens nothing.
//
// Race: the user before the link, as where a reset drops it (lockOwner;
// TestPasswordReset_andALinkThatVerifiesAtOnce).
func (f *Flow) lockLink(ctx context.Context, tx postgres.Tx, key string) (code.Link, bool, error) {
	link, found, err := code.FindLink(ctx, tx.Queries, code.VerifyEmail, key, tx.Now)
	if err != nil || !found {
		return link, false, err
	}
	if _, err := tx.LockUserForSignIn(ctx, link.UserID); postgres.IsNotFound(err) {
		return link, false, nil
	} else if err != nil {
		return link, false, err
	}
	return code.FindLink(ctx, tx.Queries, code.VerifyEmail, key, tx.Now)
}

// provedElsewhere prepares the first proof of an account that comes from outside its sessions:
// other addresses go, and so do the links that verify them; providers that are connected go with
// the next reset. Where a second factor or a passkey is there, it refuses: a reset does not
// remove those.
//
// Security: a stranger may have made the account and waited for this
// (TestTrap_aStrangerHasNoWayInAfterTheOwnersReset).
func (f *Flow) provedElsewhere(ctx context.Context, tx postgres.Tx, o ownership, link code.Link) (*problem.Problem, error) {
	userID := link.UserID
	if o.owns(userID) {
		return nil, nil
	}
	found, err := tx.FindSignInFacts(ctx, db.FindSignInFactsParams{ID: userID})
	if err != nil || found.HasVerifiedEmail || found.PhoneVerified {
		return nil, err
	}
	if len(found.Factors) > 0 {
		return problem.SignInFirst, nil
	}

	others := db.DeleteOtherEmailAddressesParams{UserID: userID, Address: link.Address}
	if _, err := tx.DeleteOtherEmailAddresses(ctx, others); err != nil {
		return nil, err
	}
	if err := code.DropStray(ctx, tx, userID); err != nil {
		return nil, err
	}
	return nil, tx.UpdateUserProvedElsewhere(ctx, db.UpdateUserProvedElsewhereParams{ID: userID, Now: tx.Now})
}

// Rejection is what became of an account whose address its owner does not know.
type Rejection string

// The rejections.
const (
	// AccountGone: nothing of the account was proved, so that it was deleted.
	AccountGone Rejection = "account_deleted"
	// AddressGone: the account has something else, and lost the address.
	AddressGone Rejection = "address_removed"
)

// RejectEmail takes an address from an account, because the owner of the address says that the
// account is not theirs. An account of which nothing was proved is deleted.
func (f *Flow) RejectEmail(ctx context.Context, who caller.Caller, key string) (Rejection, error) {
	if key == "" {
		return "", problem.Required.At("key")
	}

	var done Rejection
	err := f.DB.Tx(ctx, func(tx postgres.Tx) error {
		link, found, err := f.lockLink(ctx, tx, key)
		if err == nil && found {
			_, found, err = code.UseLink(ctx, tx, code.VerifyEmail, key)
		}
		if err != nil {
			return err
		}
		if !found {
			return problem.InvalidOrExpiredKey.At("key")
		}

		done, err = f.reject(ctx, tx, who, link)
		return err
	})
	return done, err
}

func (f *Flow) reject(ctx context.Context, tx postgres.Tx, who caller.Caller, link code.Link) (Rejection, error) {
	event := audit.Event{Name: audit.EmailRejected, UserID: link.UserID, Device: who.Device, Email: link.Address}
	if err := f.Trail.Add(ctx, tx.Queries, tx.Now, event); err != nil {
		return "", err
	}

	n, err := tx.DeleteUnprovedUser(ctx, link.UserID)
	if err != nil {
		return "", err
	}
	if n == 1 {
		deleted := audit.Event{Name: audit.AccountDeleted, Actor: audit.Server, UserID: link.UserID}
		if err := f.Trail.Add(ctx, tx.Queries, tx.Now, deleted); err != nil {
			return "", err
		}
		_, err := tx.UpdateAuditEventsOfUser(ctx, link.UserID)
		return AccountGone, err
	}

	address := db.DeleteRejectedEmailAddressParams{UserID: link.UserID, Address: link.Address}
	if _, err := tx.DeleteRejectedEmailAddress(ctx, address); err != nil {
		return "", err
	}
	if err := code.DropStray(ctx, tx, link.UserID); err != nil {
		return "", err
	}
	return AddressGone, keepPrimary(ctx, tx, link.UserID)
}

// keepPrimary makes a verified address the primary one, if there is one.
func keepPrimary(ctx context.Context, tx postgres.Tx, userID int64) error {
	address, err := tx.FindNoticeAddress(ctx, userID)
	if postgres.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = tx.UpdatePrimaryEmailAddress(ctx, db.UpdatePrimaryEmailAddressParams{UserID: userID, Address: address})
	return err
}
