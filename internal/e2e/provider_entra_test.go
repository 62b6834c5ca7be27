package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
)

// Tenants of the fake provider.
const (
	tenantOne = "11111111-2222-4333-8444-555555555555"
	tenantTwo = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
)

// entra is SOCIALACCOUNT_PROVIDERS with a provider of many tenants beside the others.
func (s *services) entra(t *testing.T, settings map[string]any) string {
	t.Helper()
	var all map[string]map[string][]map[string]any
	if err := json.Unmarshal([]byte(s.Providers()), &all); err != nil {
		t.Fatal(err)
	}
	if settings["server_url"] == nil {
		settings["server_url"] = s.URL + "/" + fakeprovider.Entra + "/common/v2.0"
	}
	app := map[string]any{"provider_id": fakeprovider.Entra, "name": "Microsoft", "client_id": fakeprovider.EntraClientID, "settings": settings}
	all["openid_connect"]["APPS"] = append(all["openid_connect"]["APPS"], app)
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return "SOCIALACCOUNT_PROVIDERS=" + string(text)
}

// warns waits for a warning at the start.
func (w *world) warns(text string) {
	w.t.Helper()
	eventually(w.t, 5*time.Second, "the warning: "+text, func() bool { return strings.Contains(w.log.String(), text) })
}

// atTenant is what a tenant says of one of its users.
func atTenant(tenant, sub, email string) fakeprovider.Claims {
	return fakeprovider.Claims{Provider: fakeprovider.Entra, Tenant: tenant, Sub: sub, Email: email}
}

func TestProvider_entraTemplate(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]map[string]any{
		"by its server_url": {},
		"by its issuer":     {"issuer": "with {tenantid}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServices(t)
			if settings["issuer"] != nil {
				settings["issuer"] = s.Issuer(fakeprovider.Entra)
			}
			w := s.open(t, "ACCOUNT_EMAIL_VERIFICATION=none ACCOUNT_SIGNUP_FIELDS=email", s.entra(t, settings))
			w.warns("fake-entra: users of every tenant can sign in")
			one := w.visitor().bring("login", s, atTenant(tenantOne, "s1", "ada@one.example")).in()
			again := w.visitor().bring("login", s, atTenant(strings.ToUpper(tenantOne), "s1", "ada@one.example")).in()
			other := w.visitor().bring("login", s, atTenant(tenantTwo, "s1", "ada@two.example")).in()
			if one.text("data.methods.uid") != tenantOne+".s1" || again.get("data.user.id") != one.get("data.user.id") {
				t.Errorf("%s %s", one.Body, again.Body)
			}
			if other.get("data.user.id") == one.get("data.user.id") {
				t.Error("the sub of another tenant is the same user")
			}

			for name, overrides := range map[string]map[string]any{
				"the issuer of another tenant":   {"iss": s.TenantIssuer(tenantTwo)},
				"the tenant of another issuer":   {"tid": tenantTwo},
				"the template itself":            {"iss": s.Issuer(fakeprovider.Entra)},
				"the template and its place":     {"iss": s.Issuer(fakeprovider.Entra), "tid": "{tenantid}"},
				"no tid":                         {"tid": nil},
				"tid null":                       {"tid": fakeprovider.Null},
				"tid a path":                     {"tid": "../x", "iss": s.TenantIssuer("../x")},
				"tid a path of two":              {"tid": "a/b", "iss": s.TenantIssuer("a/b")},
				"tid empty":                      {"tid": "", "iss": s.TenantIssuer("")},
				"an issuer with a slash more":    {"iss": s.TenantIssuer(tenantOne) + "/"},
				"the issuer of another provider": {"iss": s.Issuer(fakeprovider.OIDC)},
				"a sub that is too long":         {"sub": strings.Repeat("s", 230)},
			} {
				c := atTenant(tenantOne, "s1", "ada@one.example")
				c.Overrides = overrides
				if a := w.visitor().bring("login", s, c); a.Status != 400 || a.text("errors.code") != "invalid_token" {
					t.Errorf("%s: %s", name, a.Body)
				}
			}
			w.visitor().bring("login", s, of(fakeprovider.OIDC, "grace@example.com")).in() // its neighbour is as before
		})
	}
}

// TestProvider_entraTenants: tenants is the list of those that may sign in.
func TestProvider_entraTenants(t *testing.T) {
	t.Parallel()
	s := newServices(t)
	w := s.open(t, "ACCOUNT_EMAIL_VERIFICATION=none", s.entra(t, map[string]any{"tenants": []string{strings.ToUpper(tenantOne)}}))
	w.visitor().bring("login", s, atTenant(tenantOne, "s1", "ada@one.example")).in()
	w.visitor().bring("login", s, atTenant(tenantTwo, "s1", "ada@two.example")).wants(400, "invalid_token@token")
	w.visitor().bring("login", s, atTenant(tenantTwo, "s2", "")).wants(400, "invalid_token@token")
	v := w.reproved(ada)
	v.bring("connect", s, atTenant(tenantTwo, "s3", "")).wants(400, "invalid_token@token")
	w.warns("HEADLESS_JWT_REFRESH_TOKEN_EXPIRES_IN") // a later one
	if strings.Contains(w.log.String(), "every tenant") {
		t.Error("a warning in spite of tenants")
	}
}

// TestProvider_entraAddressesNameNobody: the administrator of a tenant writes into its tokens
// whatever address they like.
func TestProvider_entraAddressesNameNobody(t *testing.T) {
	t.Parallel()
	s := newServices(t)
	w := s.open(t, "SOCIALACCOUNT_EMAIL_AUTHENTICATION=true SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT=true ACCOUNT_EMAIL_VERIFICATION=optional",
		s.entra(t, map[string]any{"verified_email": true, "tenants": tenantOne}))
	w.warns("VERIFIED_EMAIL has no effect")
	victim := w.reproved("victim@one.example")
	id := victim.do("GET", sessionPath, "").wants(200).get("data.user.id")
	for _, claims := range []map[string]any{{"email_verified": true}, {"xms_edov": true}, {"email_verified": "true", "verified_primary_email": []string{"victim@one.example"}}} {
		c := atTenant(tenantOne, "evil", "victim@one.example")
		c.Overrides = claims
		if a := w.visitor().bring("login", s, c); a.Status == 200 && a.get("data.user.id") == id {
			t.Errorf("%v: came into the account of the address: %s", claims, a.Body)
		}
	}
	if strings.Contains(w.identities(), fakeprovider.Entra) {
		t.Error("connected: " + w.identities())
	}
	v := w.visitor()
	v.bring("login", s, atTenant(tenantOne, "new", "new@one.example")).in()
	if p := v.do("GET", profilePath, "").wants(200); p.get("email_verified") != false {
		t.Error("an address of a tenant counts as verified")
	}
}

// TestProvider_entraKeysOfOneTenantSignForNoOther: a key set may say whose tokens a key is for.
func TestProvider_entraKeysOfOneTenantSignForNoOther(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		issuer func(*services) string
		good   bool
	}{
		"every tenant":   {func(s *services) string { return s.Issuer(fakeprovider.Entra) }, true},
		"this tenant":    {func(s *services) string { return s.TenantIssuer(tenantOne) }, true},
		"another tenant": {func(s *services) string { return s.TenantIssuer(tenantTwo) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServices(t)
			w := s.open(t, "ACCOUNT_EMAIL_VERIFICATION=none", s.entra(t, map[string]any{"tenants": tenantOne}))
			s.SetKeyIssuer(fakeprovider.Entra, row.issuer(s))
			if a := w.visitor().bring("login", s, atTenant(tenantOne, "s1", ada)); (a.Status == 200) != row.good {
				t.Error(a.Body)
			}
		})
	}
}
