package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

const (
	metadataPath       = "/.well-known/oauth-authorization-server"
	changePasswordPath = "/.well-known/change-password"
	passkeyPagesPath   = "/.well-known/passkey-endpoints"
)

func TestMetadata_isWhereTheIssuerSays(t *testing.T) {
	t.Parallel()

	for name, c := range map[string]struct {
		settings string
		path     string
		issuer   string
		keys     string
	}{
		"a host": {
			"LATCHKEY_ISSUER=https://id.example.com", metadataPath, "https://id.example.com", "https://id.example.com/.well-known/jwks.json",
		},
		"a host with a slash": {
			"LATCHKEY_ISSUER=https://id.example.com/", metadataPath, "https://id.example.com/", "https://id.example.com/.well-known/jwks.json",
		},
		"a port": {
			"LATCHKEY_ISSUER=https://id.example.com:8443", metadataPath, "https://id.example.com:8443", "https://id.example.com:8443/.well-known/jwks.json",
		},
		"a path": {
			"LATCHKEY_ISSUER=https://example.com/auth", metadataPath + "/auth", "https://example.com/auth", "https://example.com/auth/.well-known/jwks.json",
		},
		"a path with a slash": {
			"LATCHKEY_ISSUER=https://example.com/auth/", metadataPath + "/auth", "https://example.com/auth/", "https://example.com/auth/.well-known/jwks.json",
		},
		"a longer path": {
			"LATCHKEY_ISSUER=https://example.com/eu/auth", metadataPath + "/eu/auth", "https://example.com/eu/auth", "https://example.com/eu/auth/.well-known/jwks.json",
		},
		"another public address": {
			"LATCHKEY_ISSUER=https://example.com/auth LATCHKEY_PUBLIC_URL=https://id.example.com", metadataPath + "/auth",
			"https://example.com/auth", "https://id.example.com/.well-known/jwks.json",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			w := start(t, strings.Fields(c.settings)...)
			a := w.call("GET", c.path, "").wants(200)
			if a.text("issuer") != c.issuer || a.text("jwks_uri") != c.keys {
				t.Error(a.Body)
			}
			if a.Header.Get("Cache-Control") != "public, max-age=300" || a.Header.Get("Content-Type") != "application/json" {
				t.Error(a.Header)
			}

			for _, other := range []string{metadataPath, metadataPath + "/auth", metadataPath + "/eu", metadataPath + "/", c.path + "/", c.path + "x"} {
				if other != c.path {
					w.call("GET", other, "").wants(404, "not_found")
				}
			}
			w.call("POST", c.path, "{}").wants(405)
		})
	}
}

func TestMetadata_isOfHTTPSIssuersOnly(t *testing.T) {
	t.Parallel()

	for _, issuer := range []string{"latchkey", "http://id.example.com", "https:id.example.com", "https://id.example.com?a=b", "https://id.example.com#a", "https://a@id.example.com"} {
		t.Run(issuer, func(t *testing.T) {
			t.Parallel()

			w := start(t, "LATCHKEY_ISSUER="+issuer)
			w.call("GET", metadataPath, "").wants(404, "not_found")
		})
	}
}

const frontendPages = `HEADLESS_FRONTEND_URLS={"account_change_password":"https://app.example.com/account/password?from=manager",` +
	`"mfa_add_webauthn":"https://app.example.com/passkeys/add","mfa_list_webauthn":"https://app.example.com/passkeys"}`

func TestWellKnown_leadsPasswordManagersToTheAppsPages(t *testing.T) {
	t.Parallel()

	w := start(t, frontendPages)
	w.http = &http.Client{Transport: w.http.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	a := w.call("GET", changePasswordPath, "").wants(302)
	if a.Header.Get("Location") != "https://app.example.com/account/password?from=manager" {
		t.Error(a.Header)
	}
	if a := w.call("GET", passkeyPagesPath, "").wants(200); a.Body != `{"enroll":"https://app.example.com/passkeys/add","manage":"https://app.example.com/passkeys"}` {
		t.Error(a.Body)
	}

	half := start(t, `HEADLESS_FRONTEND_URLS={"mfa_list_webauthn":"https://app.example.com/passkeys"}`)
	if a := half.call("GET", passkeyPagesPath, "").wants(200); a.Body != `{"manage":"https://app.example.com/passkeys"}` {
		t.Error(a.Body)
	}
	half.call("GET", changePasswordPath, "").wants(404, "not_found")

	off := start(t)
	off.call("GET", changePasswordPath, "").wants(404, "not_found")
	off.call("GET", passkeyPagesPath, "").wants(404, "not_found")
	// A password manager asks for a path that no server has, to see whether 404 can be believed.
	off.call("GET", "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200", "").wants(404, "not_found")
}

func TestAppleFile_opensTheLinksOfMailsInTheApp(t *testing.T) {
	t.Parallel()

	const (
		app      = "ABCDE12345.com.example.app"
		ofApp    = `{"webcredentials":{"apps":["` + app + `"]}}`
		ownPages = `{"/":"/account/undo/*","exclude":true},{"/":"/_allauth/*","exclude":true},{"/":"/api/*","exclude":true},{"/":"/.well-known/*","exclude":true}`
		links    = `{"applinks":{"details":[{"appIDs":["` + app + `"],"components":[`
		end      = `]}]},"webcredentials":{"apps":["` + app + `"]}}`
	)

	for name, c := range map[string]struct{ settings, pages, want string }{
		"paths": {
			"LATCHKEY_PUBLIC_URL=https://id.example.com",
			`{"account_confirm_email":"https://id.example.com/verify/{key}","account_reset_password_from_key":"https://id.example.com/reset/{key}/now"}`,
			links + ownPages + `,{"/":"/verify/*"},{"/":"/reset/*/now"}` + end,
		},
		"a query and a fragment": {
			"LATCHKEY_PUBLIC_URL=https://id.example.com",
			`{"account_confirm_email":"https://id.example.com/app?verify={key}","account_reset_password_from_key":"https://id.example.com/#/reset/{key}"}`,
			links + ownPages + `,{"/":"/app","?":{"verify":"*"}},{"#":"/reset/*","/":"/"}` + end,
		},
		"the domain of passkeys": {
			"LATCHKEY_WEBAUTHN_RP_ID=example.com",
			`{"account_confirm_email":"https://example.com/verify/{key}"}`,
			links + ownPages + `,{"/":"/verify/*"}` + end,
		},
		"another domain": {
			"LATCHKEY_PUBLIC_URL=https://id.example.com", `{"account_confirm_email":"https://app.example.com/verify/{key}"}`, ofApp,
		},
		"a scheme of the app": {"LATCHKEY_PUBLIC_URL=https://id.example.com", `{"account_confirm_email":"exampleapp://verify/{key}"}`, ofApp},
		"a path that is all key": {
			"LATCHKEY_PUBLIC_URL=https://id.example.com", `{"account_confirm_email":"https://id.example.com/{key}"}`, links + ownPages + `,{"/":"/*"}` + end,
		},
		"the server below a path": {
			"LATCHKEY_PUBLIC_URL=https://example.com/auth", `{"account_confirm_email":"https://example.com/verify/{key}"}`,
			links + strings.NewReplacer(`"/account`, `"/auth/account`, `"/_all`, `"/auth/_all`, `"/api`, `"/auth/api`).Replace(ownPages) + `,{"/":"/verify/*"}` + end,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			w := start(t, "LATCHKEY_APPLE_APP_IDS="+app, c.settings, "HEADLESS_FRONTEND_URLS="+c.pages)
			if a := w.call("GET", appleFilePath, "").wants(200); a.Body != c.want {
				t.Errorf("got %s\nwant %s", a.Body, c.want)
			}
		})
	}
}

func TestFormerIssuers_areAcceptedInRefreshTokensOnly(t *testing.T) {
	t.Parallel()

	old := start(t, "LATCHKEY_ISSUER=https://old.example.com")
	old.signedUp(ada)
	old.signedUp(grace)
	e := old.signIn(ada)
	old.age(grown)

	moved := old.at(0, "LATCHKEY_ISSUER=https://id.example.com")
	moved.spend(e.refresh, "the-first-key-of-the-phone").wants(400, "refresh_token_invalid@refresh")

	w := old.at(0, "LATCHKEY_ISSUER=https://id.example.com", "LATCHKEY_FORMER_ISSUERS=older,https://old.example.com")
	w.call("GET", profilePath, "", bearer(e.access)).wants(401)

	a := w.spend(e.refresh, "the-first-key-of-the-phone").wants(200)
	if iss := claims(t, a.text("meta.refresh_token"))["iss"]; iss != "https://id.example.com" {
		t.Errorf("the new token is issued by %v", iss)
	}
	w.call("GET", profilePath, "", bearer(a.text("meta.access_token"))).wants(200)

	// The answer was lost: the same token again has the same successor, of the issuer of now.
	if again := w.spend(e.refresh, "the-first-key-of-the-phone").wants(200); again.text("meta.refresh_token") == "" {
		t.Error(again.Body)
	}

	old.age(grown)
	moved.spend(a.text("meta.refresh_token"), "the-second-key-of-the-phone").wants(200)

	// Signing out takes it, too.
	f := old.signIn(grace)
	w.call("DELETE", sessionPath, object("refresh_token", f.refresh)).wants(401)
	old.call("GET", profilePath, "", bearer(f.access)).wants(401)

	// So does an access token, also one that has expired meanwhile.
	for _, wait := range []time.Duration{0, time.Hour} {
		g := old.signIn(grace)
		moved.call("DELETE", sessionPath, "", bearer(g.access)).wants(401)
		if !old.living(g.access) {
			t.Error("an access token of an issuer that is not a former one has ended its session")
		}
		w.clock.Advance(wait)
		old.clock.Advance(wait)
		w.call("GET", profilePath, "", bearer(g.access)).wants(401)
		w.call("DELETE", sessionPath, "", bearer(g.access)).wants(401)
		if old.living(g.access) {
			t.Errorf("an access token of a former issuer has not ended its session, %s later", wait)
		}
	}
}
