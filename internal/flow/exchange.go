package flow

import (
	"context"

	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/session"
)

// Exchange trades the session token of a caller for a pair of the same session. It is a refresh whose
// token is the session token: what it spends, and what a second exchange means, are the rules of
// [session.Judge].
func (f *Flow) Exchange(ctx context.Context, who caller.Caller, key string) (Entry, error) {
	if err := checkKey(key); err != nil {
		return Entry{}, err
	}

	sp := session.Spending{
		SessionID:    who.Exchanges.SessionID,
		SessionToken: who.Exchanges.TokenHash,
		Token:        session.Presented{KeyHash: session.KeyHash(key)},
	}
	r, more, err := f.trade(ctx, who, sp)
	if err != nil {
		return Entry{}, err
	}

	switch r.Verdict {
	case session.Invalid: // it has ended while its session lives
		return Entry{}, f.Anonymous(who)
	case session.Ended, session.Reuse:
		return Entry{}, f.Gone(r.Refused)
	case session.Conflict:
		return Entry{}, r.Refused.At("X-Session-Token")
	}
	return f.renew(sp.SessionID, r, more)
}
