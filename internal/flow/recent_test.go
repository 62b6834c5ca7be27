package flow

import (
	"testing"

	"github.com/latchkey-auth/latchkey/internal/session"
)

func TestRecentlyProved_everyKindOfAccount(t *testing.T) {
	t.Parallel()
	const since, before, after = 1000.0, 900.0, 1100.0
	signIn := func(method string, at float64) session.Method { return session.Method{Method: method, At: at} }
	again := func(method string, at float64) session.Method {
		return session.Method{Method: method, At: at, Reauthenticated: true}
	}

	for _, c := range []struct {
		name    string
		methods []session.Method
		guarded bool
		made    float64
		want    bool
	}{
		{"no proof", nil, false, before, false},
		{"no proof, new account", nil, false, after, false},
		{"guarded, young sign-in by password", []session.Method{signIn("password", after)}, true, before, false},
		{"guarded, young sign-in by a second factor", []session.Method{signIn("mfa", after)}, true, before, false},
		{"guarded, young sign-in, new account", []session.Method{signIn("password", after)}, true, after, true},
		{"guarded, old sign-in, new account", []session.Method{signIn("password", before)}, true, after, false},
		{"guarded, young sign-up", []session.Method{signIn(session.BySignUp, after)}, true, after, true},
		{"guarded, young sign-up of an old account", []session.Method{signIn(session.BySignUp, after)}, true, before, false},
		{"guarded, password again", []session.Method{again("password", after)}, true, before, true},
		{"guarded, second factor again", []session.Method{again("mfa", after)}, true, before, true},
		{"guarded, password again, long ago", []session.Method{again("password", before)}, true, before, false},
		{"guarded, password again, as long ago as the time-out", []session.Method{again("password", since)}, true, before, false},
		{"guarded, provider again", []session.Method{again("socialaccount", after)}, true, before, false},
		{"guarded, code again", []session.Method{again("code", after)}, true, before, false},
		{"guarded, a proof that we do not know", []session.Method{again("carrier pigeon", after)}, true, before, false},
		{"unguarded, young sign-in by provider", []session.Method{signIn("socialaccount", after)}, false, before, true},
		{"unguarded, young sign-in by code", []session.Method{signIn("code", after)}, false, before, true},
		{"unguarded, old sign-in", []session.Method{signIn("code", before)}, false, before, false},
		{"unguarded, old sign-in, new account", []session.Method{signIn("code", before)}, false, after, false},
		{"unguarded, provider again", []session.Method{signIn("socialaccount", before), again("socialaccount", after)}, false, before, true},
		{"unguarded, code again, long ago", []session.Method{again("code", before)}, false, before, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			facts := proofFacts{Methods: c.methods, Since: since, Guarded: c.guarded, AccountMadeAt: c.made}
			if got := recentlyProved(facts); got != c.want {
				t.Errorf("recently proved: got %t, want %t", got, c.want)
			}
		})
	}
}
