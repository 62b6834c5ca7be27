package e2e

import (
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
)

// TestProviderSignup_saysThatAnAccountExistsToItsOwnerAlone: a user with a password meets a provider
// that is the authority for the same address.
func TestProviderSignup_saysThatAnAccountExistsToItsOwnerAlone(t *testing.T) {
	t.Parallel()
	const hint = `"account_exists":true`
	for _, verification := range []string{"none", "optional", "mandatory"} {
		t.Run(verification, func(t *testing.T) {
			t.Parallel()
			s := newServices(t)
			w := s.open(t, "ACCOUNT_EMAIL_VERIFICATION="+verification, s.entra(t, map[string]any{"tenants": tenantOne}))
			workspace := of(fakeprovider.Google, "ada@corp.example")
			workspace.Overrides = map[string]any{"hd": "corp.example"}
			for name, row := range map[string]struct {
				claims   fakeprovider.Claims
				verified bool
				tells    bool
			}{
				"Google, gmail":               {of(fakeprovider.Google, "one@gmail.com"), true, true},
				"Google, Workspace":           {workspace, true, true},
				"Apple, iCloud":               {of(fakeprovider.Apple, "two@icloud.com"), true, true},
				"Google, another domain":      {of(fakeprovider.Google, "three@example.com"), true, false},
				"Apple, another domain":       {of(fakeprovider.Apple, "four@example.com"), true, false},
				"Google, unverified there":    {unsure(fakeprovider.Google, "five@gmail.com"), true, false},
				"OpenID Connect":              {of(fakeprovider.OIDC, "six@example.com"), true, false},
				"a tenant of Microsoft Entra": {atTenant(tenantOne, "s1", "seven@gmail.com"), true, false},
				"Google, unverified here":     {of(fakeprovider.Google, "eight@gmail.com"), false, false},
				"Google, nobody here":         {of(fakeprovider.Google, "nine@gmail.com"), false, false},
			} {
				t.Run(name, func(t *testing.T) {
					if !strings.Contains(name, "nobody") {
						w.visitor().post(signupPath, "email", row.claims.Email, "password", goodPassword)
					}
					if row.verified {
						w.markVerified(row.claims.Email)
					}
					connected, users := w.identities(), query[int](w, "SELECT count(*) FROM users")
					v := w.visitor()
					a := v.bring("login", s, row.claims)
					if strings.Contains(a.Body, hint) != row.tells {
						t.Fatalf("tells %v, want %v: %s", !row.tells, row.tells, a.Body)
					}
					if !row.tells {
						return
					}
					a.waits("provider_signup")
					if again := v.do("GET", sessionPath, "").wants(401); !strings.Contains(again.Body, hint) {
						t.Errorf("the hint is gone: %s", again.Body)
					}
					v.post(providerSignupPath, "email", row.claims.Email).wants(400, "email_taken@email")
					if n := query[int](w, "SELECT count(*) FROM users"); n != users || w.identities() != connected {
						t.Errorf("%d users, %d before; connected: %s", n, users, w.identities())
					}

					// What the app does about it.
					v.post(loginPath, "email", row.claims.Email, "password", goodPassword).in()
					v.bring("connect", s, row.claims).wants(200)
					w.visitor().bring("login", s, row.claims).in()
				})
			}
		})
	}
}

// TestProviderSignup_makesAUsernameUp: where a user name is wanted, nobody is asked for one.
func TestProviderSignup_makesAUsernameUp(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none ACCOUNT_LOGIN_METHODS=username,email ACCOUNT_SIGNUP_FIELDS=username*,email*,password1*")
	for _, row := range []struct {
		claims fakeprovider.Claims
		want   string // of which the name is, or begins
	}{
		{fakeprovider.Claims{Provider: fakeprovider.Google, Email: "one@gmail.com", GivenName: "Ada", FamilyName: "King"}, "ada"},
		{fakeprovider.Claims{Provider: fakeprovider.Google, Email: "two@gmail.com", GivenName: "Ada"}, "ada"}, // taken: with digits
		{fakeprovider.Claims{Provider: fakeprovider.Google, Email: "three@gmail.com", GivenName: "José María"}, "jose_maria"},
		{fakeprovider.Claims{Provider: fakeprovider.Google, Email: "four@gmail.com", GivenName: "李", FamilyName: "Wei"}, "wei"},
		{fakeprovider.Claims{Provider: fakeprovider.Apple, Email: "five.six@icloud.com"}, "fivesix"},
		{fakeprovider.Claims{Provider: fakeprovider.OIDC, Email: "seven@example.com", GivenName: "李"}, "seven"},
	} {
		t.Run(row.claims.Email, func(t *testing.T) {
			in := w.visitor().bring("login", s, row.claims).in()
			if got := in.text("data.user.username"); !strings.HasPrefix(got, row.want) || len(got) > len(row.want)+6 {
				t.Errorf("the user name is %q, want %q or that with digits", got, row.want)
			}
		})
	}
	if n := query[int](w, "SELECT count(DISTINCT username) FROM users"); n != 6 {
		t.Errorf("%d different user names, want 6", n)
	}

	// Who is asked for something else is asked for the name as well.
	v := w.visitor()
	v.bring("login", s, fakeprovider.Claims{Provider: fakeprovider.Apple, Sub: "without"}).waits("provider_signup")
	v.post(providerSignupPath, "email", "eight@example.com").wants(400, "required@username")
	v.post(providerSignupPath, "email", "eight@example.com", "username", "eight").in()
}

// TestProviders_areListedInTheOperatorsOrder, wherever clients see them.
func TestProviders_areListedInTheOperatorsOrder(t *testing.T) {
	t.Parallel()
	google := `"google": {"APPS": [{"client_id": "z.example", "name": "Zebra"}, {"client_id": "a.example", "name": "Ant"}]}`
	apple := `"apple": {"APP": {"client_id": " com.example.app , com.example.web "}}`
	oidc := `"openid_connect": {"APPS": [{"provider_id": "zoo", "client_id": " c1 ", "settings": {"server_url": "https://zoo.example"}}, {"provider_id": "bar", "client_id": "c2", "settings": {"server_url": "https://bar.example"}}]}`
	for name, row := range map[string]struct{ settings, clients, ids string }{
		"one":     {google + "," + apple + "," + oidc, "z.example a.example com.example.app,com.example.web c1 c2", `["google","apple","zoo","bar"]`},
		"another": {oidc + "," + google + "," + apple, "c1 c2 z.example a.example com.example.app,com.example.web", `["zoo","bar","google","apple"]`},
		"third":   {apple + "," + oidc + "," + google, "com.example.app,com.example.web c1 c2 z.example a.example", `["apple","zoo","bar","google"]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := mailing(t, "SOCIALACCOUNT_PROVIDERS={"+row.settings+"}")
			data := w.visitor().do("GET", configPath, "").wants(200).get("data").(map[string]any)
			var clients []string
			for _, p := range data["socialaccount"].(map[string]any)["providers"].([]any) {
				clients = append(clients, p.(map[string]any)["client_id"].(string))
			}
			if got := strings.Join(clients, " "); got != row.clients {
				t.Errorf("the configuration lists %s, want %s", got, row.clients)
			}
			if a := w.visitor().do("GET", sessionPath, "").wants(401); !strings.Contains(a.Body, `"providers":`+row.ids) {
				t.Errorf("%s, want %s", a.Body, row.ids)
			}
		})
	}
}

// TestProviderToken_nullIsMissing: null of a member is a member that is missing, and is named as
// allauth names it; blanks around a client id do not matter.
func TestProviderToken_nullIsMissing(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	token := s.token(of(fakeprovider.Google, gmail))
	for body, want := range map[string]string{
		`{"provider":"google","process":"login","token":{"client_id":"` + fakeprovider.GoogleClientID + `","id_token":null}}`:       "token_required@token",
		`{"provider":"google","process":"login","token":{"client_id":"` + fakeprovider.GoogleClientID + `"}}`:                       "token_required@token",
		`{"provider":"google","process":"login","token":{"client_id":null,"id_token":"` + token + `"}}`:                             "client_id_required@token",
		`{"provider":"google","process":"login","token":{"client_id":"` + fakeprovider.GoogleClientID + `","id_token":"   "}}`:      "token_required@token",
		`{"provider":"google","process":"login","token":{"client_id":"  ","id_token":"` + token + `"}}`:                             "client_id_required@token",
		`{"provider":"google","process":"login","token":null}`:                                                                      "required@token",
		`{"provider":"google","process":"login","token":{"client_id":null,"id_token":null,"nonce":null,"authorization_code":null}}`: "client_id_required@token",
	} {
		t.Run(want+" "+body[:min(len(body), 90)], func(t *testing.T) {
			w.visitor().do("POST", providerTokenPath, body).wants(400, want)
		})
	}
	good := `{"provider":"google","process":"login","token":{"client_id":" ` + fakeprovider.GoogleClientID + ` ","id_token":" ` + token + `\n","nonce":null,"authorization_code":null,"name":null,"access_token":null}}`
	w.visitor().do("POST", providerTokenPath, good).in()
}
