package latchkey

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"
)

// refreshLimit is how long one exchange with the server may take.
const refreshLimit = 15 * time.Second

const (
	refreshOperation  = "refreshToken"
	exchangeOperation = "exchangeSessionToken"
)

// flight is a refresh that is under way. It belongs to no caller: one who gives up does not end
// it.
type flight struct {
	done  chan struct{}
	token string
	err   error
}

// cause is why a refresh is asked for.
type cause struct {
	// byUser says that the app asked for it by itself: see [Session.Refresh].
	byUser bool
	// origin is where a 401 came from; "": the token has expired, or there is none.
	origin string
}

// Refresh trades the refresh token for a new pair. When the server says that the session
// is over, the tokens are dropped and a [*SignedOutError] says why; after any other failure they
// are kept, and the call can be repeated. It never prompts.
//
// While nothing is sent because no answer came a moment ago, it asks all the same, once: a user
// who pulls down to reload does not wait.
func (s *Session) Refresh(ctx context.Context) error {
	if err := s.load(); err != nil {
		return err
	}

	s.mu.Lock()
	stale := s.access.token
	s.mu.Unlock()
	_, err := s.renew(ctx, stale, cause{byUser: true})

	return err
}

// token returns an access token that is good as far as is known.
func (s *Session) token(ctx context.Context) (string, error) {
	if err := s.load(); err != nil {
		return "", err
	}

	s.mu.Lock()
	held, now := s.access, s.now()
	s.mu.Unlock()
	switch {
	case held.expired(now):
		return s.renew(ctx, held.token, cause{})
	case held.due(now):
		s.join(held.token, cause{}) // and go on with what still lives
	}

	return held.token, nil
}

// offlineLimit is how long a call waits for a refresh while the last one got no answer.
const offlineLimit = 2 * time.Second

// renew waits for a token that is not stale. It returns "" where a 401 may not cause a refresh. Where
// the last attempt got no answer, only a call by the user waits as long as the next one takes.
func (s *Session) renew(ctx context.Context, stale string, why cause) (string, error) {
	s.mu.Lock()
	silent := s.waits.silent.last
	s.mu.Unlock()

	waiting, done := ctx, func() {}
	if silent != nil && !why.byUser {
		waiting, done = s.within(ctx, offlineLimit)
	}
	defer done()

	f := s.join(stale, why)
	select {
	case <-f.done:
		return f.token, f.err
	case <-waiting.Done():
	}
	if cause := context.Cause(ctx); cause != nil {
		return "", cause
	}

	return "", &NetworkError{Err: silent}
}

// join returns the refresh that is under way, and starts one where there is none.
func (s *Session) join(stale string, why cause) *flight {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := &flight{done: make(chan struct{})}

	now := s.now()
	if s.access.token != stale && !s.access.expired(now) {
		f.token = s.access.token // another call has refreshed since
		close(f.done)

		return f
	}
	if s.flight != nil {
		return s.flight
	}
	if why.origin != "" && !s.refused.allow(why.origin, now.monotonic) {
		close(f.done)

		return f
	}

	s.flight = f
	go func() {
		token, err := s.refresh(context.Background(), stale, why)

		s.mu.Lock()
		f.token, f.err = token, err
		s.flight = nil
		s.mu.Unlock()
		close(f.done)
		s.tell()
	}()

	return f
}

// trip is one refresh among all who share the store.
type trip struct {
	began time.Duration
	epoch int
	why   cause
}

// refresh makes a trip. It has the ordinary limit, with the wait for the lock of the store.
func (s *Session) refresh(ctx context.Context, stale string, why cause) (string, error) {
	s.mu.Lock()
	t := trip{began: s.clock.Monotonic(), why: why}
	err := s.waits.wait(t.began, why.byUser)
	s.mu.Unlock()
	if err != nil {
		return "", err
	}

	ctx, done := s.within(ctx, refreshLimit)
	defer done()
	unlock, err := s.lock(ctx, LockRefresh)
	if err != nil {
		return "", err
	}
	defer unlock()

	// Another process may have refreshed, signed in or out while we waited. What it stored
	// is adopted, and the loop goes on with that; each turn has an answer of the server.
	for range 3 {
		if _, err := s.reread(); err != nil {
			return "", err
		}

		var rec record
		rec, t.epoch = s.current()
		if token, err, ok := s.settled(rec, stale); ok {
			return token, err
		}
		token, err := s.spend(ctx, rec, t)
		if !errors.Is(err, errOvertaken) {
			return token, err
		}
	}

	return "", s.failed(t, &StoreError{"read", errOvertaken})
}

// current is what the session holds, and the epoch of that.
func (s *Session) current() (record, int) {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.rec, s.epoch
}

// settled reports whether there is nothing to refresh: there is no session, or another call
// has brought a token since.
func (s *Session) settled(rec record, stale string) (string, error, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if rec.Refresh == "" {
		return "", &SignedOutError{s.reason}, true
	}
	if s.access.token != stale && !s.access.expired(s.now()) {
		return s.access.token, nil, true
	}

	return "", nil, false
}

// errOvertaken says that the store holds another record than the one that was spent.
var errOvertaken = errors.New("latchkey: another process has changed the session")

// spend sends one refresh and stores what comes back.
func (s *Session) spend(ctx context.Context, rec record, t trip) (string, error) {
	a, err := s.exchange(ctx, rec)
	if err != nil {
		return "", s.failed(t, err)
	}
	s.answered(t)

	switch {
	case a.ends(rec):
		err = s.end(rec, a.endCode(rec))
	case a.action == ActionReread:
		err = s.conflict(rec, a.error())
	case a.action != ActionProceed:
		err = a.error()
	case a.Meta.AccessToken == "" || rec.Exchange && a.Meta.RefreshToken == "":
		err = a.undocumented()
	default:
		var token string
		if token, err = s.commit(rec, a, t.epoch); err == nil {
			s.resumeAfter(rec)

			return token, nil
		}
	}

	var out *SignedOutError
	if errors.Is(err, errOvertaken) || errors.As(err, &out) {
		return "", err
	}

	return "", s.failed(t, err)
}

// answered notes a refresh that was answered.
func (s *Session) answered(t trip) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused.note(s.clock.Monotonic(), t.why.origin != "")
}

// conflict returns errOvertaken where the store holds another record than the one that was
// refused, and otherwise the refusal. It says nothing about the session.
func (s *Session) conflict(rec record, refused error) error {
	held, err := s.readStore()
	if err != nil {
		return err
	}
	if held.Key != rec.Key {
		return errOvertaken
	}

	return refused
}

// ends reports whether an answer says that what a record has is good for nothing any more. A session
// token is refused by 401 where it has ended, or belongs to a sign-in that is not finished.
func (a *answer) ends(rec record) bool {
	isNone := rec.Exchange && a.documented && a.Status == http.StatusUnauthorized

	return a.action == ActionSignOut || isNone
}

// endCode is the reason of such an answer.
func (a *answer) endCode(rec record) string {
	if rec.Exchange {
		return cmp.Or(a.Meta.EndReason, codeSessionToken)
	}

	return a.error().code()
}

// exchange sends a record's refresh token, or its session token, with its key, and reads the answer.
func (s *Session) exchange(ctx context.Context, rec record) (*answer, error) {
	if rec.Exchange {
		return s.ask(ctx, exchangeOperation, func(ctx context.Context) (*http.Response, error) {
			params := &ExchangeSessionTokenParams{IdempotencyKey: rec.Key}

			return s.plain.ExchangeSessionToken(ctx, params, func(_ context.Context, r *http.Request) error {
				r.Header.Set("X-Session-Token", rec.Refresh)

				return nil
			})
		})
	}

	return s.ask(ctx, refreshOperation, func(ctx context.Context) (*http.Response, error) {
		params := &RefreshTokenParams{IdempotencyKey: rec.Key}

		return s.plain.RefreshToken(ctx, params, RefreshTokenRequest{Refresh: rec.Refresh})
	})
}

// noAnswer says why there is none: a time-out of ours shows as a cancelled request.
func noAnswer(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	var none *NetworkError
	if errors.As(err, &none) {
		return err
	}

	return &NetworkError{Err: err}
}

// failed notes a failure that says nothing about the session.
func (s *Session) failed(t trip, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waits.fail(t.began, s.clock.Monotonic(), err)

	return err
}

// commit stores the successor of rec and then, not before, hands out its access token.
func (s *Session) commit(rec record, a *answer, epoch int) (string, error) {
	unlock, err := s.lock(context.Background(), LockWrite)
	if err != nil {
		return "", err
	}
	defer unlock()

	token, err := s.succeed(rec, a, epoch)
	if err == nil {
		s.dropExchanged()
	}

	return token, err
}

// resumeAfter tells the server of the session that an adopted token has replaced.
func (s *Session) resumeAfter(rec record) {
	if rec.Trial {
		s.Resume()
	}
}

// dropExchanged empties the slot of a session token that has been exchanged: it is a bearer token,
// and may still work. What fails is done at the next start.
func (s *Session) dropExchanged() {
	if slot, ok := s.exchanged(); ok {
		_ = s.store.Write(slot, nil)
	}
}

// exchanged is the slot of a session token that has been exchanged.
func (s *Session) exchanged() (Slot, bool) {
	newest, _, err := s.newest()
	if err != nil || newest.From == "" || newest.Exchange {
		return 0, false
	}

	other := slotOf(record{Seq: newest.Seq + 1})
	text, err := s.store.Read(other)
	if err != nil {
		return 0, false
	}
	rec, err := decodeRecord(text)

	return other, err == nil && rec.Exchange && rec.sameSession(newest)
}

// succeed is commit under the lock.
func (s *Session) succeed(rec record, a *answer, epoch int) (string, error) {
	held, err := s.readStore()
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	overtaken := s.epoch != epoch
	s.mu.Unlock()
	// Race: there was a sign-out, or another sign-in, while the answer was on its way. Then
	// the new pair is nobody's.
	if overtaken || held.Key != rec.Key {
		return "", errOvertaken
	}
	next := rec
	next.Trial = false
	if a.Meta.RefreshToken != "" { // absent where the server does not rotate
		next = rec.after(0, a.Meta.RefreshToken)
	}
	if next != rec {
		next.Seq = held.Seq + 1
		if err := s.writeOver(s.orphan(held), next); err != nil {
			return "", err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.epoch != epoch {
		return "", errOvertaken
	}
	s.take(next)
	s.access = newAccess(a.Meta.AccessToken, s.now())
	s.waits.reset()

	return s.access.token, nil
}

// end signs out because the server has refused rec's token for good, unless the store
// holds another by now. A pending sign-in goes on.
func (s *Session) end(rec record, code string) error {
	unlock, err := s.lock(context.Background(), LockWrite)
	if err != nil {
		return err
	}
	defer unlock()
	held, err := s.readStore()
	if err != nil {
		return err
	}
	if held.Key != rec.Key {
		return errOvertaken
	}

	next := s.successor(held, code)
	if next.Refresh != "" {
		s.notReplaced(next)
	}
	if err := s.putBack(held, next); err != nil {
		return err
	}
	if code == "account_deleted" {
		s.forgetDevice()
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	s.take(next)

	return &SignedOutError{code}
}

// putBack stores what follows a session that has ended, and drops that.
func (s *Session) putBack(ended, next record) error {
	if err := s.writeRecord(next); err != nil {
		return err
	}
	if err := s.store.Write(slotOf(ended), nil); err != nil {
		return &StoreError{"write", err}
	}

	return nil
}
