// Package undo owns what an undo link does. It shows which changes to an account the link would
// undo, and undoes them: the ways in are what they were before, all sessions have ended, and the
// owner gets a link that sets a new password. It does not own what was before
// (internal/snapshot), nor who gets a link (internal/notice).
package undo

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/code"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/email"
	"github.com/latchkey-auth/latchkey/internal/notice"
	"github.com/latchkey-auth/latchkey/internal/outbox"
	"github.com/latchkey-auth/latchkey/internal/phone"
	"github.com/latchkey-auth/latchkey/internal/policy"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/provider"
	"github.com/latchkey-auth/latchkey/internal/secret"
	"github.com/latchkey-auth/latchkey/internal/session"
	"github.com/latchkey-auth/latchkey/internal/snapshot"
)

// Parts are what an undo needs.
type Parts struct {
	DB      *postgres.DB
	Policy  policy.Settings
	Notices *notice.Notices
	Trail   *audit.Trail
	// Keys seals grants of providers; nil where the operator has given no keys.
	Keys *secret.Sealer
	Log  *slog.Logger
}

// Undo shows and undoes changes.
type Undo struct{ Parts }

// New returns the undos of a database.
func New(parts Parts) *Undo { return &Undo{parts} }

// Shown is what a link would undo.
type Shown struct {
	// Account is the address or number of the account, shortened.
	Account string
	// Changes are those that it undoes, the oldest first.
	Changes []snapshot.Listed
	// Earlier counts the changes before those that can be undone: they stay.
	Earlier   int
	ExpiresAt time.Time
}

// Show tells what a link would undo. It changes nothing.
func (u *Undo) Show(ctx context.Context, key string) (Shown, error) {
	var shown Shown

	err := u.DB.Tx(ctx, func(tx postgres.Tx) error {
		link, err := find(ctx, tx, key)
		if err != nil {
			return err
		}

		shown = Shown{Account: account(link.Before), ExpiresAt: link.ExpiresAt}
		shown.Changes, shown.Earlier, err = link.Changes(ctx, tx.Queries, tx.Now)

		return err
	})

	return shown, err
}

// find returns a link that works, or the problem with its key.
func find(ctx context.Context, tx postgres.Tx, key string) (snapshot.Link, error) {
	if key == "" {
		return snapshot.Link{}, problem.Required.At("key")
	}

	link, found, err := snapshot.Find(ctx, tx.Queries, key, tx.Now)
	switch {
	case err != nil:
		return snapshot.Link{}, err
	case !found:
		return snapshot.Link{}, problem.InvalidOrExpiredKey.At("key")
	case link.Spent:
		return snapshot.Link{}, problem.LinkAlreadyUsed.At("key")
	}

	return link, nil
}

// account names an account by what its owner knows it by.
func account(ways snapshot.Ways) string {
	if primary := ways.Primary(); primary != "" {
		return email.Short(primary)
	}

	if ways.Phone != nil {
		return phone.Short(*ways.Phone)
	}

	for _, t := range ways.Verified() {
		return short(t)
	}

	return ""
}

func short(t snapshot.Target) string {
	if t.Phone {
		return phone.Short(t.Address)
	}

	return email.Short(t.Address)
}

// Done is what an undo has done.
type Done struct {
	// Account is the address or number of the account, shortened.
	Account string
	// Skipped was not restored: it belongs to another user by now. Values are shortened.
	Skipped []snapshot.Skipped
	// Earlier reports that changes before those that were undone stay.
	Earlier bool
	// ResetAddress is where a new password can be set; empty for an account without a verified
	// address. LinkSent: a link for it is on its way.
	ResetAddress string
	LinkSent     bool
}

// Do undoes a change and all that came after it. The link, every session of the user and all
// codes and links that are out work no more once it has returned.
func (u *Undo) Do(ctx context.Context, from session.Device, key string) (Done, error) {
	var done Done

	err := u.DB.Tx(ctx, func(tx postgres.Tx) error {
		link, err := lock(ctx, tx, key)
		if err != nil {
			return err
		}

		done, err = u.undo(ctx, tx, link, from)

		return err
	})

	return done, err
}

// lock finds a link and locks its user.
//
// Race: the user before what is theirs, as everywhere; then the link is read again, since another
// request may have used it (TestUndo_aLinkWorksOnceAlsoForManyAtOnce).
func lock(ctx context.Context, tx postgres.Tx, key string) (snapshot.Link, error) {
	link, err := find(ctx, tx, key)
	if err != nil {
		return snapshot.Link{}, err
	}

	if _, err := tx.LockUser(ctx, link.UserID); postgres.IsNotFound(err) {
		return snapshot.Link{}, problem.InvalidOrExpiredKey.At("key")
	} else if err != nil {
		return snapshot.Link{}, err
	}

	return find(ctx, tx, key)
}

func (u *Undo) undo(ctx context.Context, tx postgres.Tx, link snapshot.Link, from session.Device) (Done, error) {
	_, earlier, err := link.Changes(ctx, tx.Queries, tx.Now)
	if err != nil {
		return Done{}, err
	}

	restored, err := snapshot.Restore(ctx, tx, link.UserID, link.Before)
	if err != nil {
		return Done{}, err
	}

	if err := u.shutOut(ctx, tx, link, restored); err != nil {
		return Done{}, err
	}

	if err := u.keepAccount(ctx, tx, link.UserID, from); err != nil {
		return Done{}, err
	}

	done := Done{Account: account(link.Before), Earlier: earlier > 0}
	for _, s := range restored.Skipped {
		done.Skipped = append(done.Skipped, shortened(s))
	}

	event := audit.Event{Name: audit.AccountRestored, UserID: link.UserID, Device: from}
	if err := u.Trail.Add(ctx, tx.Queries, tx.Now, event); err != nil {
		return Done{}, err
	}

	err = u.startReset(ctx, tx, link, from, &done)

	return done, err
}

func shortened(s snapshot.Skipped) snapshot.Skipped {
	switch s.Kind {
	case snapshot.SkippedEmail:
		s.Value = email.Short(s.Value)
	case snapshot.SkippedPhone:
		s.Value = phone.Short(s.Value)
	}

	return s
}

// shutOut ends what a thief may still have: sessions, codes, links, and grants of providers.
func (u *Undo) shutOut(ctx context.Context, tx postgres.Tx, link snapshot.Link, restored snapshot.Restored) error {
	if _, err := session.EndAll(ctx, tx, link.UserID, session.PasswordChanged); err != nil {
		return err
	}

	if err := code.DropAll(ctx, tx, link.UserID); err != nil {
		return err
	}

	verifications := db.DeleteLinksOfUserParams{UserID: link.UserID, Purpose: string(code.VerifyEmail)}
	if err := tx.DeleteLinksOfUser(ctx, verifications); err != nil {
		return err
	}

	for _, row := range restored.Removed {
		err := provider.GrantOf(row).Enqueue(ctx, tx.Queries, u.Keys, tx.Now)
		if errors.Is(err, secret.ErrSealed) {
			u.Log.ErrorContext(ctx, "a grant cannot be revoked", "provider", row.Provider, "user", row.UserID, "cause", err.Error())
			continue
		}

		if err != nil {
			return err
		}
	}

	return link.Spend(ctx, tx)
}

// keepAccount cancels a deletion of the account: a thief may have asked for it, and its owner would
// have to sign in before the date to keep the account.
func (u *Undo) keepAccount(ctx context.Context, tx postgres.Tx, userID int64, from session.Device) error {
	user, err := tx.FindUser(ctx, userID)
	if err != nil || user.DeletesAt == nil {
		return err
	}

	if err := tx.UpdateUserDeletion(ctx, db.UpdateUserDeletionParams{ID: userID}); err != nil {
		return err
	}

	event := audit.Event{Name: audit.DeletionCancelled, UserID: userID, Device: from}
	if err := u.Trail.Add(ctx, tx.Queries, tx.Now, event); err != nil {
		return err
	}

	return u.Notices.DeletionCancelled(ctx, tx, userID, from)
}

// startReset sends a link that sets a new password to a verified address of the restored account,
// best the one that got the undo link, and tells every verified address what was done. By code
// there is nothing to send: a code works in the session alone that asks for it.
func (u *Undo) startReset(ctx context.Context, tx postgres.Tx, link snapshot.Link, from session.Device, done *Done) error {
	list, err := tx.ListEmailAddresses(ctx, link.UserID)
	if err != nil {
		return err
	}

	for _, e := range list {
		better := done.ResetAddress == "" || e.IsPrimary && done.ResetAddress != link.Target || e.Address == link.Target
		if e.VerifiedAt != nil && better {
			done.ResetAddress = e.Address
		}
	}

	sentTo := ""
	if done.ResetAddress != "" && !u.Policy.ResetByCode {
		done.LinkSent, sentTo = true, done.ResetAddress

		to := notice.Recipient{UserID: link.UserID, Email: sentTo, Device: from}
		if err := u.Notices.RestoredResetLink(ctx, tx, to); err != nil {
			return err
		}
	}

	told := outbox.Restored{Partly: len(done.Skipped) > 0, Earlier: done.Earlier}

	return u.Notices.AccountRestored(ctx, tx, link.UserID, notice.Restoration{Told: told, ResetSentTo: sentTo, From: from})
}
