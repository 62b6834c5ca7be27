package account

import (
	"context"
	"errors"
	"slices"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/notice"
	"github.com/latchkey-auth/latchkey/internal/outbox"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/provider"
	"github.com/latchkey-auth/latchkey/internal/session"
)

// TakeAppleEvent does what a signed event of Apple's asks for. One that was taken before
// changes nothing: Apple delivers again what was not answered.
//
// Security: an event is a request by anybody until its signature, audience, age and jti are
// verified (TestAppleEvents_whatIsNoEventChangesNothing). The log names no user that it does
// not know, and nothing of the event but its type.
func (a *Account) TakeAppleEvent(ctx context.Context, payload string) error {
	if !a.Services.HasApple() {
		return problem.PathNotFound
	}

	event, err := a.Services.VerifyEvent(ctx, payload)
	if errors.Is(err, provider.ErrUnavailable) {
		return problem.TemporarilyUnavailable.Because(err)
	}

	if err != nil {
		a.Log.WarnContext(ctx, "a notification of a provider is refused", "provider", provider.Apple, "reason", provider.Reason(err))
		return problem.InvalidToken.At("payload").Because(err)
	}

	return a.DB.Tx(ctx, func(tx postgres.Tx) error {
		n, err := tx.InsertSpentIDToken(ctx, db.InsertSpentIDTokenParams{TokenHash: event.Digest, ExpiresAt: event.ExpiresAt})
		if err != nil || n == 0 {
			return err
		}

		return a.takeEvent(ctx, tx, event)
	})
}

// takeEvent finds whose account an event speaks of, and changes it.
func (a *Account) takeEvent(ctx context.Context, tx postgres.Tx, e provider.Event) error {
	connected, err := a.lockConnected(ctx, tx, e)
	if err != nil {
		return err
	}

	if connected == nil {
		a.Log.InfoContext(ctx, "a notification of a provider speaks of an account that is not connected", "provider", e.Provider, "type", knownType(e.Kind))
		return nil
	}

	switch e.Kind {
	case provider.EmailDisabled:
		return a.noteEvent(ctx, tx, connected.UserID, audit.ProviderEmailDisabled)
	case provider.EmailEnabled:
		return a.noteEvent(ctx, tx, connected.UserID, audit.ProviderEmailEnabled)
	case provider.AccountDelete:
		return a.dropConnected(ctx, tx, *connected)
	case provider.ConsentRevoked:
		// The user may have signed in with Apple, and so consented, again before the event arrived.
		if connected.LastUsedAt.After(e.At) {
			return nil
		}

		return a.dropConnected(ctx, tx, *connected)
	}

	a.Log.InfoContext(ctx, "a notification of a provider has a type that means nothing here", "provider", e.Provider)

	return nil
}

// knownType returns the type of an event for the log.
func knownType(kind string) string {
	if slices.Contains([]string{provider.EmailDisabled, provider.EmailEnabled, provider.ConsentRevoked, provider.AccountDelete}, kind) {
		return kind
	}

	return "unknown"
}

// lockConnected finds the account that an event speaks of, and locks its user; nil where there
// is none.
//
// It locks the identity before the user, as a sign-in with it does, and reads it again once the user
// is locked.
func (a *Account) lockConnected(ctx context.Context, tx postgres.Tx, e provider.Event) (*db.ProviderAccount, error) {
	if err := tx.LockAddress(ctx, provider.LockName(e.Provider, e.UID)); err != nil {
		return nil, err
	}

	owner, err := tx.FindProviderAccount(ctx, db.FindProviderAccountParams{Provider: e.Provider, Uid: e.UID})
	if postgres.IsNotFound(err) {
		return nil, nil
	}

	if err != nil {
		return nil, err
	}

	if _, err := tx.LockUser(ctx, owner.UserID); postgres.IsNotFound(err) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}

	list, err := tx.ListProviderAccounts(ctx, owner.UserID)
	if err != nil {
		return nil, err
	}

	for _, row := range list {
		if row.Provider == e.Provider && row.Uid == e.UID {
			return &row, nil
		}
	}

	return nil, nil
}

// dropConnected disconnects an account at a provider whose user has withdrawn the consent, or
// has deleted it there, and ends the sessions that it opened. The account here stays. Its grant
// at the provider has ended already.
func (a *Account) dropConnected(ctx context.Context, tx postgres.Tx, gone db.ProviderAccount) error {
	user := gone.UserID

	key := db.DeleteProviderAccountParams{UserID: user, Provider: gone.Provider, Uid: gone.Uid}
	if _, err := tx.DeleteProviderAccount(ctx, key); err != nil {
		return err
	}

	opened := db.EndSessionsOfProviderParams{
		UserID: user, Provider: gone.Provider, Uid: gone.Uid, EndReason: session.EndedByUser, Now: tx.Now,
	}
	if _, err := tx.EndSessionsOfProvider(ctx, opened); err != nil {
		return err
	}

	if err := a.noteEvent(ctx, tx, user, audit.ProviderDisconnected); err != nil {
		return err
	}

	hasWayIn, err := a.hasWayIn(ctx, tx, user)
	if err != nil {
		return err
	}

	told := outbox.Restored{LastWay: !hasWayIn}
	if !hasWayIn {
		if told.ResetSent, err = a.sendReset(ctx, tx, user); err != nil {
			return err
		}
	}

	return a.Notices.ProviderGone(ctx, tx, user, told)
}

// hasWayIn reports whether a user can sign in without the help of a reset.
func (a *Account) hasWayIn(ctx context.Context, tx postgres.Tx, user int64) (bool, error) {
	hash, err := tx.FindUserPassword(ctx, user)
	if err != nil || hash != nil {
		return hash != nil, err
	}

	others, err := tx.ListProviderAccounts(ctx, user)
	if err != nil || len(others) > 0 {
		return len(others) > 0, err
	}

	if a.Factors.Settings.PasskeyLogin {
		keys, err := tx.ListShownAuthenticators(ctx, user)
		if err != nil {
			return false, err
		}

		if slices.ContainsFunc(keys, isPasskey) {
			return true, nil
		}
	}

	if !a.Policy.LoginByCode {
		return false, nil
	}

	facts, err := tx.FindSignInFacts(ctx, db.FindSignInFactsParams{ID: user})

	return err == nil && (facts.HasVerifiedEmail || facts.PhoneVerified), err
}

// isPasskey reports whether a key signs in alone.
func isPasskey(key db.ListShownAuthenticatorsRow) bool {
	return key.Passwordless != nil && *key.Passwordless
}

// sendReset mails a link that sets a password, to a verified address. By code there is nothing
// to send: a code works in the session alone that asks for it, and the message about the change
// says what to do.
func (a *Account) sendReset(ctx context.Context, tx postgres.Tx, user int64) (sent bool, err error) {
	to, err := tx.FindNoticeAddress(ctx, user)
	if postgres.IsNotFound(err) {
		a.Log.WarnContext(ctx, "a user has no way to sign in any more, and no verified address", "user", user)
		return false, nil
	}

	if err != nil || a.Policy.ResetByCode {
		return false, err
	}

	return true, a.Notices.RestoredResetLink(ctx, tx, notice.Recipient{UserID: user, Email: to})
}

// noteEvent writes what a provider told about a user's account there.
func (a *Account) noteEvent(ctx context.Context, tx postgres.Tx, user int64, name string) error {
	return a.Trail.Add(ctx, tx.Queries, tx.Now, audit.Event{Name: name, Actor: audit.Server, UserID: user})
}
