package latchkey

import (
	"context"
	"errors"
	"regexp"
)

// maxAdopted is more than any token of the server has: a record fits into a slot.
const maxAdopted = 672

// sessionToken is the form of the session tokens of Latchkey and of allauth.
var sessionToken = regexp.MustCompile(`^[!-~]{1,256}$`)

// codeSessionToken is the reason where the server does not know an adopted session token, or it has
// ended, or is one of a sign-in that is not finished.
const codeSessionToken = "session_token_invalid"

// Adopt takes over the refresh token that the app has from another client, or its session token
// (X-Session-Token): it is stored with a key of its own, and then refreshed, or exchanged for a pair of
// the same session, once. Delete the app's own copy when Adopt has returned nil.
// tokens.Access plays no role; tokens.IdempotencyKey is the key with which the app has already
// tried to spend the token, if any.
//
// It can be repeated, also in the next run, where no answer came or the app was killed: the
// stored record and its key are then the same. A token of the session that is there already
// changes nothing. A token that the server refuses for good is a [*SignedOutError] with its code;
// it is not kept, and the session that was there before stays. Any other session that is there is
// replaced, as [Session.SignIn] does. A newer sign-in or a sign-out makes it [ErrNothingPending].
func (s *Session) Adopt(ctx context.Context, tokens Tokens) error {
	next, err := adoptedRecord(tokens)
	if err != nil {
		return err
	}

	from := s.beginning(ctx)
	err = s.adopt(ctx, from, next)
	s.tell()
	if err != nil {
		s.withdraw(from)
		s.Resume()

		return err
	}

	_, err = s.renew(ctx, "", cause{byUser: true})
	s.Resume() // of the session before

	var out *SignedOutError
	if ended := errors.As(err, &out); (err == nil || ended) && s.isOverdue(from) {
		return ErrNothingPending
	}

	return err
}

// adoptedRecord is the record for tokens of the app.
func adoptedRecord(tokens Tokens) (record, error) {
	isOfLatchkey := claimsOf(tokens.Refresh) != (claims{}) && len(tokens.Refresh) <= maxAdopted
	next := newRecord(0, tokens.Refresh)
	next.Trial = true

	switch {
	case isOfLatchkey:
	case tokens.Refresh == "" && sessionToken.MatchString(tokens.SessionToken):
		next.Refresh, next.Exchange, next.From = tokens.SessionToken, true, fingerprint(tokens.SessionToken)
	default:
		return record{}, errors.New("latchkey: what is to be adopted is neither a refresh token of Latchkey nor a session token")
	}
	if tokens.IdempotencyKey != "" {
		next.Key = tokens.IdempotencyKey
	}

	return next, nil
}

// adopt stores a record for tokens of the app, unless there is one of their session.
func (s *Session) adopt(ctx context.Context, from attempt, next record) error {
	stored, err := s.stored(ctx, next)
	if err != nil {
		return err
	}
	if stored {
		return s.claim(from)
	}

	err = s.keep(ctx, from, newcomer{record: next})
	if errors.Is(err, ErrNothingPending) {
		s.enqueue(next) // nothing else would end it
	}

	return err
}

// claim makes the session that is there what a beginning has made.
func (s *Session) claim(from attempt) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.begun != from.number { // Race: a newer sign-in has begun, or a sign-out
		return ErrNothingPending
	}
	s.owner = from.number

	return nil
}

// stored reports whether the store holds a session already, with the same token or a newer one.
// A session that has been signed out of is not taken up again.
func (s *Session) stored(ctx context.Context, next record) (bool, error) {
	if isQueued, err := s.isQueued(next); err == nil && isQueued {
		return false, &SignedOutError{ReasonUser}
	}

	if err := s.load(); err != nil {
		return false, s.readable(ctx) // a store that may be replaced holds nothing that counts
	}
	rec, err := s.reread()
	if err != nil || rec.Refresh == "" || !rec.sameSession(next) {
		return false, nil //nolint:nilerr // keep reads again, and says it
	}

	return claimsOf(rec.Refresh).Generation >= claimsOf(next.Refresh).Generation, nil
}

// isOverdue reports whether a newer sign-in or sign-out has taken the place of what a beginning has
// made.
func (s *Session) isOverdue(from attempt) bool {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.left > from.number || s.owner > from.number
}

// successor is what follows a session that the server has refused: the one before an adopted
// token that was never taken, or none.
func (s *Session) successor(refused record, code string) record {
	next := record{Reason: code}
	if before := s.orphan(refused); refused.Trial && before.Refresh != "" {
		next = before
	}
	next.Seq = refused.Seq + 1

	return next
}
