package session

import (
	"bytes"
	"slices"
	"time"
)

// Verdict is what becomes of a presented refresh token.
type Verdict int

// The verdicts, in the order in which they are considered.
const (
	// Invalid: it is no token of this session's user. Refuse, touch nothing.
	Invalid Verdict = iota
	// Ended: the session is over. Refuse, and say why.
	Ended
	// Repeat: it is the current one, and young. Hand out the same one again, and write nothing.
	Repeat
	// Rotate: it is the current one, or the current one has expired unused. Move the generation on.
	Rotate
	// Replay: its successor may never have arrived. Hand out the same one again.
	Replay
	// Conflict: it is the predecessor of a young one, from another caller. Hand out nothing,
	// and end nothing.
	Conflict
	// Adopt: it is newer than the database knows, so the database lost writes. Take its
	// generation for the current one, then rotate.
	Adopt
	// Reuse: somebody spends it a second time. End this session.
	Reuse
)

// Verdicts are the names of all verdicts.
func Verdicts() []string { return slices.Clone(verdictNames) }

var verdictNames = []string{"invalid", "ended", "repeat", "rotate", "replay", "conflict", "adopt", "reuse"}

// String is the verdict's name, as metrics and logs show it.
func (v Verdict) String() string { return verdictNames[v] }

// Row is what the judgement knows of a session.
type Row struct {
	Subject          string // of the user
	Over             bool   // ended, or the user is disabled
	Generation       int64
	Age              time.Duration // of the current generation, by the clock of the database
	Confirmed        bool          // the current generation was seen in use
	RefreshExpiresAt time.Time
	ExpiresAt        time.Time // absolute
	KeyHash          []byte    // of the Idempotency-Key that spent the generation before
	SendsKeys        bool
}

// Presented is what the judgement knows of a refresh token whose signature is ours, or of a session
// token that is exchanged.
type Presented struct {
	Subject    string // of the user whom it names
	Generation int64
	ExpiresAt  time.Time
	KeyHash    []byte // of the request's Idempotency-Key; nil for none
	// Exchange: it is a session token, which lives on while refresh tokens expire, and Generation is
	// what it spends or has spent.
	Exchange bool
	// Foreign: the system that the session moved in from signed it. It counts as the first generation,
	// and so does every other refresh token of that system and session.
	Foreign bool
}

// Judge decides what becomes of a refresh token. It is a pure function; the rule and
// its reasons stand in docs/promise.md.
//
// Whether a token has expired is read from the row, so a predecessor can be replayed
// until its *successor* expires. The row of a token that is newer than the row knows
// (Adopt) is out of date, so there the token's own expiry counts as well. That of a session token
// counts always, and that of a foreign token as long as it is the current one.
func Judge(row Row, token Presented, now time.Time, grace time.Duration) Verdict {
	if token.Subject != row.Subject {
		return Invalid
	}
	newer := token.Generation > row.Generation
	idle := row.RefreshExpiresAt
	isFirstUse := token.Foreign && token.Generation == row.Generation
	hasOwnExpiry := newer || token.Exchange || isFirstUse
	if hasOwnExpiry && token.ExpiresAt.After(idle) {
		idle = token.ExpiresAt
	}
	if row.Over || !now.Before(row.ExpiresAt) || !now.Before(idle) {
		return Ended
	}
	if isFirstUse && !now.Before(token.ExpiresAt) { // another one of the session may live longer
		return Ended
	}
	if newer {
		return Adopt
	}

	verdict := Reuse
	switch token.Generation {
	case row.Generation:
		verdict = verdictOfCurrent(row, token, grace)
	case row.Generation - 1:
		verdict = verdictOfPredecessor(row, token, grace)
	}

	// Only a session token outlives the current generation. Nobody can spend that one any more.
	handsOutCurrent := verdict == Repeat || verdict == Replay
	if handsOutCurrent && !now.Before(row.RefreshExpiresAt) {
		return Rotate
	}
	return verdict
}

// verdictOfCurrent lets a generation live at least the grace. A client without a lock refreshes
// once for each call that was answered with 401. Without this rule a late one of them spends
// the successor that an early one stored, and a refresh that is still on its way is then two
// generations back.
//
// A generation from the future is not young: the database's clock was set back, and a session
// that repeats its token until the clock has caught up could expire meanwhile.
//
// Security: an exchange rotates the first generation even while it is young. Repeated, the session
// token would not be spent, and a thief who exchanges it right after the sign-in could refresh on
// unseen (TestExchange_aThiefWhoComesFirstIsCaught). It costs nothing: no refresh of a generation
// before the first can be on its way. A foreign token cannot be repeated: we cannot sign it, and its
// client has to get one of ours.
func verdictOfCurrent(row Row, token Presented, grace time.Duration) Verdict {
	fromFuture := row.Age <= -grace
	isFirstExchange := token.Exchange && row.Generation == 1
	if young(row, grace) && !fromFuture && !isFirstExchange && !token.Foreign {
		return Repeat
	}
	return Rotate
}

// verdictOfPredecessor hands the successor out again where it may be lost (nobody has used it yet,
// or it is so young that a parallel call may still wait for it), and the caller is the one who
// asked for it (the same idempotency key, or a session that has never sent one).
//
// Security: both conditions. With either alone a thief who takes turns with the owner
// is never noticed (TestPromise_lockStepThiefIsCaught). Another caller gets nothing; but while
// the successor is young it may be a client that made a second key for the same token, so the
// session does not end for that alone.
func verdictOfPredecessor(row Row, token Presented, grace time.Duration) Verdict {
	maybeLost := !row.Confirmed || young(row, grace)
	sameCaller := !row.SendsKeys || (len(token.KeyHash) > 0 && bytes.Equal(token.KeyHash, row.KeyHash))
	switch {
	case maybeLost && sameCaller:
		return Replay
	case young(row, grace):
		return Conflict
	}
	return Reuse
}

// young: parallel calls of the moment in which the generation was made may still be on
// their way.
func young(row Row, grace time.Duration) bool { return row.Age < grace }
