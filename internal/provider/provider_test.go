package provider_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/provider"
)

func TestProviders_areListedInOrderAndFound(t *testing.T) {
	t.Parallel()
	p := newProviders(t, `{
		"google": {"APPS": [{"client_id": "web.example"}, {"client_id": "tv.example"}, {"client_id": "ios.example", "name": "google on iOS", "settings": {"hidden": true}}], "SCOPE": ["email"], "AUTH_PARAMS": {"access_type": "online"}},
		"apple": {"APP": {"client_id": "com.example.app, com.example.web", "secret": "KEYID", "key": "TEAMID"}},
		"openid_connect": {"APPS": [{"provider_id": "corp", "name": "Corp", "client_id": "c1", "secret": "s", "settings": {"server_url": "https://login.example/realm", "token_auth_method": "client_secret_basic"}},
			{"provider_id": "auth0", "client_id": "c2", "settings": {"server_url": "https://x.auth0.example/.well-known/openid-configuration", "issuer": "https://x.auth0.example/"}}]}}`, newClock())
	got, _ := json.Marshal(p.List())
	want := `[{"ID":"google","Name":"Google","Flows":["provider_token"],"ClientID":"web.example","ConfigurationURL":""},` +
		`{"ID":"google","Name":"Google","Flows":["provider_token"],"ClientID":"tv.example","ConfigurationURL":""},` +
		`{"ID":"apple","Name":"Apple","Flows":["provider_token"],"ClientID":"com.example.app,com.example.web","ConfigurationURL":""},` +
		`{"ID":"corp","Name":"Corp","Flows":["provider_token"],"ClientID":"c1","ConfigurationURL":"https://login.example/realm/.well-known/openid-configuration"},` +
		`{"ID":"auth0","Name":"auth0","Flows":["provider_token"],"ClientID":"c2","ConfigurationURL":"https://x.auth0.example/.well-known/openid-configuration"}]`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, row := range []struct{ id, clientID, want string }{
		{"google", "web.example", "google:web.example"},
		{"google", "ios.example", "google:ios.example"},
		{"google", "", "google:web.example"},
		{"google", "evil", ""},
		{"Google", "web.example", ""},
		{"apple", "com.example.app", "apple:com.example.app,com.example.web"},
		{"apple", "com.example.web", "apple:com.example.app,com.example.web"},
		{"apple", "com.example.app,com.example.web", "apple:com.example.app,com.example.web"},
		{"apple", "com.example", ""},
		{"apple", ",", ""},
		{"corp", "c1", "corp:c1"},
		{"corp", "c2", ""},
		{"openid_connect", "c1", "corp:c1"},
		{"openid_connect", "c2", "auth0:c2"},
		{"openid_connect", "", ""},
		{"openid_connect", "web.example", ""},
		{"", "", ""},
	} {
		app, ok := p.Find(row.id, row.clientID)
		if ok != (row.want != "") || ok && app.String() != row.want {
			t.Errorf("%s %s: %v, %v", row.id, row.clientID, app, ok)
		}
	}
	if ids := p.IDs(); !slices.Equal(ids, []string{"google", "apple", "corp", "auth0"}) {
		t.Error(ids)
	}
	if p := newProviders(t, "", newClock()); p.List() == nil || len(p.List()) != 0 || p.IDs() == nil || len(p.IDs()) != 0 {
		t.Error(p.List(), p.IDs())
	}
}

func TestProviders_optionsOfAnAppGoBeforeThoseOfAll(t *testing.T) {
	t.Parallel()
	text := `{"google": {"EMAIL_AUTHENTICATION": true, "VERIFIED_EMAIL": true, "APPS": [{"client_id": "a"}, {"client_id": "b", "settings": {"email_authentication": false, "verified_email": false}},
		{"client_id": "c", "EMAIL_AUTHENTICATION": false, "EMAIL_AUTHENTICATION_AUTO_CONNECT": true}]}, "apple": {"APP": {"client_id": "d"}}}`
	for global, want := range map[bool]string{
		false: "a true false true; b false false false; c false true true; d false false false; ",
		true:  "a true true true; b false true false; c false true true; d true true false; ",
	} {
		p, err := provider.New(provider.Settings{Providers: text, EmailAuthentication: global, AutoConnect: global}, newClock().now, quiet)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, who := range [][2]string{{"google", "a"}, {"google", "b"}, {"google", "c"}, {"apple", "d"}} {
			app, _ := p.Find(who[0], who[1])
			got += fmt.Sprintf("%s %v %v %v; ", who[1], app.EmailAuthentication, app.AutoConnect, app.VerifiedEmail)
		}
		if got != want {
			t.Errorf("%v: %s", global, got)
		}
	}
}

func pemOf(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func quote(text string) string {
	b, _ := json.Marshal(text)
	return string(b)
}

func TestParse_saysWhatIsWrong(t *testing.T) {
	t.Parallel()
	oidc := func(settings string) string {
		return `{"openid_connect":{"APPS":[{"provider_id":"corp","client_id":"c","settings":` + settings + `}]}}`
	}
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	for text, want := range map[string]string{
		`x`: "is no JSON at byte 1", `{"google":}`: "is no JSON at byte 11", `[]`: "want a JSON object", `{"google":{},"google":{}}`: "no name stands twice", `{"google":{}} x`: "is no JSON at byte 15",
		`{"facebook":{}}`: "facebook: is no provider", `{"google":[]}`: "google: want an object", `{"google":{"APPS":{}}}`: "google.APPS: want a list", `{"google":{"APPS":["x"]}}`: "google.APPS[0]: want an object",
		`{"google":{"APP":[]}}`: "want an object", `{"google":{"APPS":[null]}}`: "google.APPS[0]: want an object", `{"google":{"APP":{}}}`: "google.APPS[0].client_id: is missing", `{"google":{"APP":{"client_id":7}}}`: "client_id: want a string", `{"google":{"APP":{"client_id":"a b"}}}`: "no client id",
		`{"google":{"APP":{"client_id":"a,b"}}}`: "want one", `{"apple":{"APP":{"client_id":"a,,b"}}}`: "no client id", `{"google":{"APP":{"client_id":"a","clientid":"b"}}}`: "google.APPS[0].clientid: is unknown",
		`{"google":{"APP":{"client_id":"a","settings":[]}}}`: "google.APPS[0].settings: want an object", `{"google":{"APP":{"client_id":"a","settings":{"nonce":true}}}}`: "settings.nonce: is unknown", `{"google":{"Apps":[]}}`: "google.Apps: is unknown",
		`{"google":{"APP":{"client_id":"a","settings":{"require_nonce":"yes"}}}}`: "require_nonce: want true or false", `{"google":{"VERIFIED_EMAIL":1,"APP":{"client_id":"a"}}}`: "google.VERIFIED_EMAIL: want true or false",
		`{"google":{"APPS":[{"client_id":"a"},{"client_id":"a"}]}}`: "google: a client id stands twice", `{"apple":{"APP":{"client_id":"a,a"}}}`: "apple: a client id stands twice", `{"google":{"APP":{"client_id":"a","provider_id":"x"}}}`: "only OpenID Connect apps",
		`{"google":{"APP":{"client_id":"a","settings":{"hosted_domain":""}}}}`: "want a domain", `{"google":{"APP":{"client_id":"a","settings":{"hosted_domain":["x",7]}}}}`: "want a domain", `{"google":{"APP":{"client_id":"a","settings":{"hosted_domain":7}}}}`: "want a domain",
		`{"apple":{"APP":{"client_id":"a","settings":{"hosted_domain":"x"}}}}`: "only Google", `{"google":{"APP":{"client_id":"a","settings":{"issuer":"https://x.example"}}}}`: "set jwks_url too",
		`{"google":{"APP":{"client_id":"a","settings":{"jwks_url":"http://keys.example/x"}}}}`: "jwks_url: want an https URL", `{"google":{"APP":{"client_id":"a","settings":{"jwks_url":"http://127.0.0.1.evil.example/"}}}}`: "want an https URL",
		`{"google":{"APP":{"client_id":"a","settings":{"jwks_url":"http://localhost.evil.example/"}}}}`: "want an https URL", `{"google":{"APP":{"client_id":"a","settings":{"jwks_url":"https://u:p@keys.example/"}}}}`: "want an https URL",
		`{"google":{"APP":{"client_id":"a","settings":{"jwks_url":"https:///keys"}}}}`: "want an https URL", `{"google":{"APP":{"client_id":"a","settings":{"jwks_url":"/keys"}}}}`: "want an https URL", `{"google":{"APP":{"client_id":"a","settings":{"jwks_url":"ftp://keys.example/"}}}}`: "want an https URL",
		`{"openid_connect":{"APPS":[{"client_id":"c","settings":{"server_url":"https://x.example"}}]}}`: "provider_id: want a name", `{"openid_connect":{"APPS":[{"provider_id":"google","client_id":"c","settings":{"server_url":"https://x.example"}}]}}`: "provider_id: want a name",
		`{"openid_connect":{"APPS":[{"provider_id":"a/b","client_id":"c","settings":{"server_url":"https://x.example"}}]}}`: "provider_id: want a name", oidc(`{}`): "server_url: want", oidc(`{"server_url":"http://x.example"}`): "want an https URL",
		oidc(`{"server_url":"https://x.example?a=b"}`): "want an https URL", oidc(`{"server_url":"https://x.example#a"}`): "want an https URL", oidc(`{"server_url":"https://x.example","uid_field":"email"}`): "known by sub alone",
		oidc(`{"server_url":"https://login.example/consumers/v2.0"}`): "9188040d", oidc(`{"server_url":"https://login.example/{tenantid}/v2.0"}`): "stands in issuer alone", oidc(`{"server_url":"https://x.example","tenants":["a"]}`): "only an issuer with {tenantid}",
		oidc(`{"server_url":"https://login.example/common/v2.0","tenants":[]}`): "want a list of tenant ids", oidc(`{"server_url":"https://login.example/common/v2.0","tenants":["corp.example"]}`): "a domain is none", oidc(`{"server_url":"https://login.example/common/v2.0","tenants":7}`): "want a list of tenant ids",
		oidc(`{"server_url":"https://x.example","issuer":"https://x.example/{tenantid}/{tenantid}"}`): "once", oidc(`{"server_url":"https://x.example","issuer":"https://{tenantid}.example/"}`): "a whole part of the path", oidc(`{"server_url":"https://x.example","issuer":"https://x.example/a{tenantid}/"}`): "a whole part of the path",
		`{"google":{"APP":{"client_id":"a","settings":{"tenants":["x"]}}}}`:                                "only OpenID Connect apps",
		`{"apple":{"APP":{"client_id":"a","secret":"K","key":"T","settings":{"certificate_key":"MIGH"}}}}`: "want a private key as PEM", `{"apple":{"APP":{"client_id":"a","secret":"K","key":"T","settings":{"certificate_key":` + quote(pemOf(t, p384)) + `}}}}`: "on P-256",
		`{"apple":{"APP":{"client_id":"a","secret":"K","key":"T","settings":{"certificate_key":` + quote(pemOf(t, rsaKey())) + `}}}}`: "on P-256", `{"apple":{"APP":{"client_id":"a","settings":{"certificate_key":` + quote(pemOf(t, newEC())) + `}}}}`: "id of the key",
	} {
		got, err := provider.Parse(text)
		if err == nil || got != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// What Python writes of a SOCIALACCOUNT_PROVIDERS with None in it.
func TestParse_nullIsAbsent(t *testing.T) {
	t.Parallel()

	for text, apps := range map[string]int{
		`{"google":null}`:          0,
		`{"google":{"APP":null}}`:  0,
		`{"google":{"APPS":null}}`: 0,
		`{"google":null,"apple":{"APPS":[{"client_id":"a","secret":null,"key":null,"settings":null}]}}`:                                                   1,
		`{"google":{"APP":{"client_id":"a","settings":{"hosted_domain":null,"require_nonce":null}},"SCOPE":null,"VERIFIED_EMAIL":null}}`:                  1,
		`{"openid_connect":{"APPS":[{"provider_id":"corp","client_id":"c","settings":{"server_url":"https://x.example","issuer":null,"tenants":null}}]}}`: 1,
	} {
		got, err := provider.Parse(text)
		if err != nil || len(got) != apps {
			t.Errorf("%s: %d apps, want %d: %v", text, len(got), apps, err)
		}
	}
}

func TestParse_reportsAllMistakesTogether(t *testing.T) {
	t.Parallel()
	settings := provider.Settings{Providers: `{"github":{},"google":{"APP":{}},"apple":{"APPS":[{"client_id":"a","settings":{"jwks_url":"x"}}]}}`, EmailRequired: "perhaps", EmailVerification: "sometimes"}
	var lines []string
	for _, err := range settings.Check() {
		lines = append(lines, err.Error())
	}
	want := []string{
		"SOCIALACCOUNT_PROVIDERS: github: is no provider whose tokens can be checked: want apple, google or openid_connect",
		"SOCIALACCOUNT_PROVIDERS: google.APPS[0].client_id: is missing, or no client id",
		"SOCIALACCOUNT_PROVIDERS: apple.APPS[0].settings.jwks_url: want an https URL without user, query and fragment; http only for this machine",
		"SOCIALACCOUNT_EMAIL_REQUIRED: want true or false",
		"SOCIALACCOUNT_EMAIL_VERIFICATION: want mandatory, optional or none",
	}
	if !slices.Equal(lines, want) {
		t.Error(strings.Join(lines, "\n"))
	}
	settings = provider.Settings{Providers: "x"}
	if list := settings.Check(); len(list) != 1 || list[0].Error() != "SOCIALACCOUNT_PROVIDERS: is no JSON at byte 1" {
		t.Error(list)
	}
	for text, want := range map[string][2]bool{"": {false, false}, "true": {true, true}, "True": {true, true}, "false": {false, true}, "0": {false, true}} {
		needs, set, err := provider.Settings{EmailRequired: text}.NeedsEmail()
		if err != nil || [2]bool{needs, set} != want {
			t.Errorf("%q: %v, %v, %v", text, needs, set, err)
		}
	}
	if list := (provider.Settings{Providers: "{}", EmailRequired: "false", EmailVerification: "none"}).Check(); len(list) != 0 {
		t.Error(list)
	}
}

func TestParse_neverRepeatsASecret(t *testing.T) {
	t.Parallel()
	const canary = "canary-0123456789-canary-0123456789-canary-0123456789"
	lines := strings.Split(pemOf(t, newEC()), "\n")
	body := lines[1]
	block := strings.Join(append([]string{lines[0], body}, lines[3:]...), "\n") // a line is missing
	for _, text := range []string{
		`{"` + canary + `":{}}`, `{"google":{"` + canary + `":1}}`, `{"google":{"APP":{"` + canary + `":1}}}`, `{"google":{"APP":{"client_id":"a","settings":{"` + canary + `":1}}}}`,
		canary, `{"google":"` + canary + `"}`, `{"google":{"APP":{"client_id":"` + canary + ` x","secret":"` + canary + `"}}}`, `{"google":{"APP":{"client_id":"a","settings":{"jwks_url":"http://` + canary + `/"}}}}`,
		`{"openid_connect":{"APP":{"provider_id":"/` + canary + `","client_id":"a","settings":{"server_url":"https://u:` + canary + `@x.example"}}}}`, `{"google":{"APP":{"client_id":"a","settings":{"hosted_domain":"` + canary + `,"}}}}`,
		`{"apple":{"APP":{"client_id":"a","secret":"","key":"` + canary + `","settings":{"certificate_key":"` + canary + `"}}}}`, `{"apple":{"APP":{"client_id":"a","secret":"K","key":"T","settings":{"certificate_key":` + quote(block) + `}}}}`,
	} {
		_, err := provider.Parse(text)
		if err == nil || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), body[:16]) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// Security: an identity is (provider id, sub).
func TestParse_oneIDHasOneIssuer(t *testing.T) {
	t.Parallel()
	for text, good := range map[string]bool{
		`{"openid_connect":{"APPS":[{"provider_id":"p","client_id":"a","settings":{"server_url":"https://one.example"}},{"provider_id":"p","client_id":"b","settings":{"server_url":"https://one.example"}}]}}`: true,
		`{"openid_connect":{"APPS":[{"provider_id":"p","client_id":"a","settings":{"server_url":"https://one.example"}},{"provider_id":"p","client_id":"b","settings":{"server_url":"https://two.example"}}]}}`: false,
		`{"google":{"APPS":[{"client_id":"a"},{"client_id":"b","settings":{"issuer":"https://two.example","jwks_url":"https://two.example/keys"}}]}}`:                                                           false,
		`{"google":{"APPS":[{"client_id":"a"},{"client_id":"b","settings":{"jwks_url":"https://two.example/keys"}}]}}`:                                                                                          true,
	} {
		if _, err := provider.Parse(text); (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestProvider_isPrintedWithoutItsKey(t *testing.T) {
	t.Parallel()
	private := newEC()
	for _, block := range []string{pemOf(t, private), strings.ReplaceAll(pemOf(t, private), "\n", `\n`)} {
		p := newProviders(t, `{"apple":{"APP":{"client_id":"a","secret":"KEYID","key":"TEAMID","settings":{"certificate_key":`+quote(block)+`}}}}`, newClock())
		app, _ := p.Find("apple", "a")
		if !app.CanRevoke() {
			t.Error("the key was not read")
		}
		scalar, _ := private.Bytes()
		for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
			for _, value := range []any{app, *app, []*provider.Provider{app}} {
				if got := fmt.Sprintf(format, value); strings.Contains(got, fmt.Sprint(scalar)) || strings.Contains(got, private.D.String()) { //nolint:staticcheck // D as it would be printed
					t.Errorf("%s: %s", format, got)
				}
			}
		}
	}
}
