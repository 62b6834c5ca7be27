package session

import (
	"bytes"
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
	// Rotate: it is the current one. Move the generation on.
	Rotate
	// Replay: its successor may never have arrived. Hand out the same one again.
	Replay
	// Adopt: it is newer than the database knows, so the database lost writes. Take its
	// generation for the current one, then rotate.
	Adopt
	// Reuse: somebody spends it a second time. End this session.
	Reuse
)

// Row is what the judgement knows of a session.
type Row struct {
	UserID           int64
	Over             bool // ended, or the user is disabled
	Generation       int64
	RotatedAt        time.Time
	Confirmed        bool // the current generation was seen in use
	RefreshExpiresAt time.Time
	ExpiresAt        time.Time // absolute
	KeyHash          []byte    // of the Idempotency-Key that spent the generation before
	SendsKeys        bool
}

// Presented is what the judgement knows of a refresh token whose signature is ours.
type Presented struct {
	UserID     int64
	Generation int64
	ExpiresAt  time.Time
	KeyHash    []byte // of the request's Idempotency-Key; nil for none
}

// Judge decides what becomes of a refresh token. It is a pure function; the rule and
// its reasons stand in docs/promise.md.
//
// Whether a token has expired is read from the row, so a predecessor can be replayed
// until its *successor* expires. The row of a token that is newer than the row knows
// (Adopt) is out of date, so there the token's own expiry counts as well.
func Judge(row Row, token Presented, now time.Time, grace time.Duration) Verdict {
	if token.UserID != row.UserID {
		return Invalid
	}
	newer := token.Generation > row.Generation
	idle := row.RefreshExpiresAt
	if newer && token.ExpiresAt.After(idle) {
		idle = token.ExpiresAt
	}
	if row.Over || !now.Before(row.ExpiresAt) || !now.Before(idle) {
		return Ended
	}
	switch {
	case newer:
		return Adopt
	case token.Generation == row.Generation:
		return Rotate
	case token.Generation == row.Generation-1 && mayReplay(row, token, now, grace):
		return Replay
	}
	return Reuse
}

// mayReplay: the successor may be lost (nobody has used it yet, or it is so young that
// a parallel call may still wait for it), and the caller is the one who asked for it
// (the same idempotency key, or a session that has never sent one).
//
// Security: both conditions. With either alone a thief who takes turns with the owner
// is never noticed (TestPromise_lockStepThiefIsCaught).
func mayReplay(row Row, token Presented, now time.Time, grace time.Duration) bool {
	maybeLost := !row.Confirmed || now.Sub(row.RotatedAt) <= grace
	sameCaller := !row.SendsKeys || (len(token.KeyHash) > 0 && bytes.Equal(token.KeyHash, row.KeyHash))
	return maybeLost && sameCaller
}
