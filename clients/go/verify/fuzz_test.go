package verify_test

import "testing"

// Whatever stands in a token that is signed with the right key: we never take one that the
// server itself would not.
func FuzzGate_takesNothingThatTheServerRefuses(f *testing.F) {
	forge := newForge(f)
	f.Add(forge.header(), goodClaims)
	f.Add(`{"alg":"ES256","kid":"k","typ":"at+jwt"}`, `{"exp":1,"exp":2}`)
	f.Add(forge.headerWith(`at+jwt`, `JWT`), forge.claimsWith(goodExp, `"exp":"1800000300"`))
	f.Fuzz(func(t *testing.T, header, claims string) {
		forge := *forge
		forge.t = t
		compact := forge.compact(header, claims)
		c, ours := forge.verifier.Verify(t.Context(), compact)
		s, theirs := forge.server.Access(compact, forge.clock.Now())
		if ours == nil && (theirs != nil || c.Subject != s.Subject || c.ID != s.ID || !c.ExpiresAt.Equal(s.ExpiresAt)) {
			t.Errorf("%s %s: we say %+v, the server %+v, %v", header, claims, c, s, theirs)
		}
	})
}
