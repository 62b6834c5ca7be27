package token_test

import (
	"testing"

	"github.com/latchkey-auth/latchkey/internal/token"
)

func TestRefresh_hasAnAudienceOfItsOwn(t *testing.T) {
	t.Parallel()
	f, c := longest(t)

	refresh, err := f.issuer.Refresh(c)
	if err != nil {
		t.Fatal(err)
	}
	access, err := f.issuer.Access(c, now)
	if err != nil {
		t.Fatal(err)
	}

	audience := claimsOf(t, access)["aud"].(string)
	if got := claimsOf(t, refresh)["aud"]; got != audience+"/refresh" {
		t.Errorf("aud of a refresh token: got %v, want %s/refresh", got, audience)
	}
}

// Before refresh tokens had an audience of their own, they carried that of access tokens.
func TestRefresh_theAudienceOfBeforeIsAcceptedForRefreshTokensOnly(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	both := map[token.Use]string{token.Access: `"aud":"example"`, token.Refresh: `"aud":"example/refresh"`}

	for name, row := range map[string]struct {
		use  token.Use
		aud  string
		good bool
	}{
		"a refresh token of before":                       {token.Refresh, both[token.Access], true},
		"a refresh token":                                 {token.Refresh, both[token.Refresh], true},
		"an access token":                                 {token.Access, both[token.Access], true},
		"an access token for the audience of the refresh": {token.Access, both[token.Refresh], false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			compact := f.compact(f.header(row.use), f.claimsWith(row.use, goodAud(row.use), row.aud))
			if row.good {
				f.accepts(t, compact, row.use)
			} else {
				f.refuses(t, compact, row.use)
			}
		})
	}
}
