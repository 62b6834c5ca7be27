package flow

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/session"
	"github.com/latchkey-auth/latchkey/internal/token"
)

// Refresh is an attempt to spend a refresh token.
type Refresh struct {
	Token string
	// IdempotencyKey is the header; empty for none.
	IdempotencyKey string
	// Param is the member that the token stood in: the two doors name it differently.
	Param string
}

var idempotencyKey = regexp.MustCompile(`^[A-Za-z0-9_-]{8,64}$`)

// Refresh trades a refresh token for a new pair. The RefreshToken of the entry is
// empty while rotation is off.
func (f *Flow) Refresh(ctx context.Context, who caller.Caller, in Refresh) (Entry, error) {
	if err := checkKey(in.IdempotencyKey); err != nil {
		return Entry{}, err
	}
	sp, err := f.spending(ctx, who, trimmed(in.Token))
	if errors.Is(err, token.ErrInvalid) {
		return Entry{}, problem.RefreshTokenInvalid.At(in.Param).Because(err)
	}
	if err != nil {
		return Entry{}, err
	}
	sp.Token.KeyHash = session.KeyHash(in.IdempotencyKey)
	r, more, err := f.trade(ctx, who, sp)
	if err != nil {
		return Entry{}, err
	}
	if r.Refused != nil {
		return Entry{}, r.Refused.At(in.Param)
	}

	entry, err := f.renew(sp.SessionID, r, more)
	isOurs := !sp.Token.Foreign
	kept := isOurs && (r.Verdict == session.Rotate || r.Verdict == session.Repeat) && !f.Sessions.Rotates()
	if kept || sp.Keeps { // the client has it already
		entry.RefreshToken = ""
	}
	return entry, err
}

// spending reads a refresh token of ours or, where the service moves in, of the system before. It returns
// token.ErrInvalid for what is neither.
func (f *Flow) spending(ctx context.Context, who caller.Caller, compact string) (session.Spending, error) {
	claims, err := f.Verifier.Refresh(compact)
	if errors.Is(err, token.ErrInvalid) && f.Old != nil {
		return f.spendingOld(ctx, who, compact, err)
	}

	return session.Spending{SessionID: claims.SessionID, Token: session.Presented{
		Subject: claims.Subject, Generation: claims.Generation, ExpiresAt: claims.ExpiresAt,
	}}, err
}

func checkKey(key string) error {
	if key == "" || idempotencyKey.MatchString(key) {
		return nil
	}
	return problem.InvalidValue.At("Idempotency-Key")
}

// trade asks for the claims of the new access token, spends what was presented, and counts the verdict.
func (f *Flow) trade(ctx context.Context, who caller.Caller, sp session.Spending) (r session.Rotation, more json.RawMessage, err error) {
	more, asked, err := f.claimsOfLiving(ctx, sp)
	if err != nil {
		return r, nil, err
	}
	r, err = f.rotate(ctx, who, sp)
	if err != nil {
		return r, nil, err
	}
	f.CountRefresh(r.Verdict.String())
	if sp.Token.Foreign {
		f.CountOld("refresh", r.Verdict.String())
	}

	if r.Refused == nil && !asked { // the look has refused, and what it saw has changed since
		more, err = extra(ctx, f.Claims.Call, r.Holder.ID)
	}
	return r, more, err
}

// claimsOfLiving asks the operator's function for claims before anything is written: once the generation
// has moved on there is no way back, and a failure would have cost the client a token for nothing. It
// asks for sessions only that will be refreshed: a function that raises for a deleted user must not keep
// their phone from learning that the account is gone (TestRefresh_theClaimsFunctionIsAskedForLivingSessionsOnly).
func (f *Flow) claimsOfLiving(ctx context.Context, sp session.Spending) (more json.RawMessage, asked bool, err error) {
	if !f.Claims.IsSet() {
		return nil, true, nil
	}
	userID, granted, err := f.Sessions.Look(ctx, f.DB, sp)
	if err != nil || !granted {
		return nil, false, err
	}
	more, err = extra(ctx, f.Claims.Call, userID)
	return more, true, err
}

// rotate tries the one statement that rotates, then the one that finds a young token, and locks
// the session for everything else, and for an exchange.
func (f *Flow) rotate(ctx context.Context, who caller.Caller, sp session.Spending) (session.Rotation, error) {
	if isExchange := sp.SessionToken != nil; isExchange {
		return f.rotateLocked(ctx, who, sp)
	}

	r, done, err := f.Sessions.RotateFast(ctx, f.DB, sp)
	if err != nil || done {
		return r, err
	}
	if sp.Token.Foreign { // which is never repeated
		return f.rotateLocked(ctx, who, sp)
	}
	r, done, err = f.Sessions.Repeat(ctx, f.DB, sp)
	if err != nil || done {
		return r, err
	}
	return f.rotateLocked(ctx, who, sp)
}

// rotateLocked judges what was presented while the session is locked. A reuse is recorded, and told to
// the user, with the end of the session.
func (f *Flow) rotateLocked(ctx context.Context, who caller.Caller, sp session.Spending) (r session.Rotation, err error) {
	err = f.DB.Tx(ctx, func(tx postgres.Tx) error {
		var err error
		r, err = f.Sessions.RotateJudged(ctx, tx, sp)
		if err != nil {
			return err
		}

		isExchange := sp.SessionToken != nil
		switch {
		case r.Verdict == session.Reuse:
			return f.recordReuse(ctx, tx, who, sp, r)
		case isExchange && r.Verdict == session.Rotate:
			return f.Trail.Add(ctx, tx.Queries, tx.Now, audit.Event{
				Name: audit.SessionTokenExchanged, UserID: r.Holder.ID, SessionID: sp.SessionID, Device: who.Device,
			})
		}
		return nil
	})
	return r, err
}

func (f *Flow) recordReuse(ctx context.Context, tx postgres.Tx, who caller.Caller, sp session.Spending, r session.Rotation) error {
	details := map[string]any{
		"presented_generation": r.Evidence.Presented, "current_generation": r.Evidence.Current,
		"current_confirmed": r.Evidence.Confirmed,
		"key_sent":          r.Evidence.SentKey, "key_expected": r.Evidence.SendsKeys,
	}
	if sp.SessionToken != nil {
		details["session_token"] = true
	}
	if sp.Token.Foreign {
		details["old_token"] = true
	}
	err := f.Trail.Add(ctx, tx.Queries, tx.Now, audit.Event{
		Name: audit.RefreshTokenReused, Actor: audit.Server, UserID: r.Holder.ID, SessionID: sp.SessionID, Device: who.Device, Details: details,
	})
	if err != nil {
		return err
	}
	return f.Notices.RefreshTokenReused(ctx, tx, r.Holder.ID, who.Device)
}

// renew signs the pair of a rotation.
func (f *Flow) renew(id uuid.UUID, r session.Rotation, more json.RawMessage) (Entry, error) {
	entry, err := f.sign(token.Claims{SessionID: id, Proof: proofOf(r.Methods), Extra: more}, r.Successor, r.Holder)
	entry.Methods = r.Methods
	return entry, err
}
