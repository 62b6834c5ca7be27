package latchkey

import (
	"cmp"
	"context"
	"errors"
	"time"
)

// refreshLimit is how long one exchange with the server may take.
const refreshLimit = 15 * time.Second

const refreshOperation = "refreshToken"

// flight is a refresh that is under way. It belongs to nobody in particular: a caller who
// gives up does not end it.
type flight struct {
	done  chan struct{}
	token string
	err   error
}

// Refresh trades the refresh token for a new pair. When the server says that the session
// is over, the tokens are dropped and a [*SignedOutError] says why; after any other failure they
// are kept, and the call can be repeated. It never prompts.
func (s *Session) Refresh(ctx context.Context) error {
	if err := s.load(); err != nil {
		return err
	}
	s.mu.Lock()
	stale := s.access.token
	s.mu.Unlock()
	_, err := s.renew(ctx, stale)
	return err
}

// token returns an access token that is good as far as is known.
func (s *Session) token(ctx context.Context) (string, error) {
	if err := s.load(); err != nil {
		return "", err
	}
	s.mu.Lock()
	held, now := s.access, s.clock.Monotonic()
	s.mu.Unlock()
	switch {
	case held.expired(now):
		return s.renew(ctx, held.token)
	case held.due(now):
		s.join(held.token) // and go on with what still lives
	}
	return held.token, nil
}

// renew waits for a token that is not stale.
func (s *Session) renew(ctx context.Context, stale string) (string, error) {
	f := s.join(stale)
	select {
	case <-f.done:
		return f.token, f.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// join returns the refresh that is under way, and starts one where there is none.
func (s *Session) join(stale string) *flight {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flight != nil {
		return s.flight
	}
	f := &flight{done: make(chan struct{})}
	if now := s.clock.Monotonic(); s.access.token != stale && !s.access.expired(now) {
		f.token = s.access.token // somebody has refreshed since
		close(f.done)
		return f
	}
	s.flight = f
	go func() {
		token, err := s.refresh(context.Background(), stale)
		s.mu.Lock()
		f.token, f.err = token, err
		s.flight = nil
		s.mu.Unlock()
		close(f.done)
		s.tell()
	}()
	return f
}

// refresh is one refresh among all who share the store.
func (s *Session) refresh(ctx context.Context, stale string) (string, error) {
	s.mu.Lock()
	now, epoch := s.clock.Monotonic(), s.epoch
	err := cmp.Or(s.backoff.wait(now), s.refused.wait(now))
	s.mu.Unlock()
	if err != nil {
		return "", err
	}
	unlock, err := s.lock(ctx, LockRefresh)
	if err != nil {
		return "", err
	}
	defer unlock()
	// Another process may have refreshed, signed in or out while we waited. What it stored
	// is adopted, and the loop goes on with that; each turn has an answer of the server.
	for range 3 {
		rec, err := s.adopt()
		if err != nil {
			return "", err
		}
		if token, err, ok := s.settled(rec, stale, epoch); ok {
			return token, err
		}
		token, err := s.spend(ctx, rec, epoch)
		if !errors.Is(err, errOvertaken) {
			return token, err
		}
	}
	return "", s.failed(&StoreError{"read", errOvertaken})
}

// settled reports whether there is nothing to refresh: nobody is signed in, or somebody
// has signed in since.
func (s *Session) settled(rec record, stale string, epoch int) (string, error, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if rec.Refresh == "" {
		return "", &SignedOutError{s.reason}, true
	}
	if s.access.token != stale && !s.access.expired(s.clock.Monotonic()) {
		return s.access.token, nil, true
	}
	return "", nil, false
}

// errOvertaken says that the store holds another record than the one that was spent.
var errOvertaken = errors.New("latchkey: another process has changed the session")

// spend sends one refresh and stores what comes back.
func (s *Session) spend(ctx context.Context, rec record, epoch int) (string, error) {
	a, err := s.exchange(ctx, rec)
	if err != nil {
		return "", s.failed(err)
	}
	if a.action == ActionSignOut {
		return "", s.end(ctx, rec, a.error().code())
	}
	if a.action == ActionReread {
		return "", s.conflict(rec, a.error())
	}
	if a.action != ActionProceed {
		return "", s.failed(a.error())
	}
	if a.Meta.AccessToken == "" {
		return "", s.failed(a.undocumented())
	}
	token, err := s.commit(ctx, rec, a, epoch)
	if err != nil && !errors.Is(err, errOvertaken) {
		return "", s.failed(err)
	}
	return token, err
}

// conflict returns errOvertaken where the store holds another record than the one that was
// refused, and otherwise the refusal. It says nothing about the session.
func (s *Session) conflict(rec record, refused error) error {
	held, err := s.readStore()
	if err != nil {
		return s.failed(err)
	}
	if held.Key != rec.Key {
		return errOvertaken
	}
	return s.failed(refused)
}

// exchange sends a record's refresh token, with its key, and reads the answer.
func (s *Session) exchange(ctx context.Context, rec record) (*answer, error) {
	ctx, done := s.within(ctx, refreshLimit)
	defer done()
	r, err := s.plain.RefreshToken(ctx, &RefreshTokenParams{IdempotencyKey: rec.Key}, RefreshTokenRequest{Refresh: rec.Refresh})
	if err != nil {
		return nil, noAnswer(ctx, err)
	}
	a, err := readAnswer(refreshOperation, r, false)
	if err != nil {
		return nil, noAnswer(ctx, err)
	}
	return a, nil
}

// noAnswer says why there is none: a time-out of ours shows as a cancelled request.
func noAnswer(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return &NetworkError{err}
}

// failed notes a failure that says nothing about the session.
func (s *Session) failed(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.backoff.fail(s.clock.Monotonic(), err)
	return err
}

// commit stores the successor of rec and then, not before, hands out its access token.
func (s *Session) commit(ctx context.Context, rec record, a *answer, epoch int) (string, error) {
	unlock, err := s.lock(ctx, LockWrite)
	if err != nil {
		return "", err
	}
	defer unlock()
	held, err := s.readStore()
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	overtaken := s.epoch != epoch
	s.mu.Unlock()
	// Race: the person has signed out, or in again, while the answer was on its way. Then
	// the new pair is nobody's.
	if overtaken || held.Key != rec.Key {
		return "", errOvertaken
	}
	next := rec
	if a.Meta.RefreshToken != "" { // absent where the server does not rotate
		next = rec.after(held.Seq+1, a.Meta.RefreshToken)
		if err := s.writeRecord(next); err != nil {
			return "", err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.epoch != epoch {
		return "", errOvertaken
	}
	s.take(next)
	s.access = newAccess(a.Meta.AccessToken, s.clock.Monotonic())
	s.backoff.reset()
	return s.access.token, nil
}

// end signs out because the server has refused rec's token for good, unless the store
// holds another by now.
func (s *Session) end(ctx context.Context, rec record, code string) error {
	unlock, err := s.lock(ctx, LockWrite)
	if err != nil {
		return s.failed(err)
	}
	defer unlock()
	held, err := s.readStore()
	if err != nil {
		return s.failed(err)
	}
	if held.Key != rec.Key {
		return errOvertaken
	}
	if err := s.clearStore(held.Seq, code); err != nil {
		return s.failed(err)
	}
	if code == "account_deleted" {
		s.forgetDevice()
	}
	s.mu.Lock()
	s.take(record{Seq: held.Seq + 1, Reason: code})
	s.mu.Unlock()
	return &SignedOutError{code}
}
