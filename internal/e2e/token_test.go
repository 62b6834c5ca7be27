package e2e

import (
	"encoding/base64"
	"encoding/json"
	"reflect"
	"sort"
	"strings"
	"testing"
)

// claims reads a token without checking it.
func claims(t testing.TB, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("not a token: %s", token)
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]any
	if err := json.Unmarshal(b, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func names(c map[string]any) string {
	var list []string
	for name := range c {
		list = append(list, name)
	}
	sort.Strings(list)
	return strings.Join(list, " ")
}

const tenantA = "0190b8a4-6f0e-7c3e-9a51-0d4c0f6f2a11"

// joined makes ada a member of a tenant, primary.
func (w *world) joined() {
	w.t.Helper()
	w.exec("INSERT INTO tenants (id, name, created_at) VALUES ($1, 'Engines', now())", tenantA)
	w.exec("INSERT INTO memberships (tenant_id, user_id, is_primary, created_at) SELECT $1, id, true, now() FROM users", tenantA)
}

func TestToken_carriesExactlyTheseClaims(t *testing.T) {
	t.Parallel()
	w := start(t, "LATCHKEY_ISSUER=https://auth.example.com", "LATCHKEY_AUDIENCE=app")
	w.signedUp("ada@example.com")
	a := w.call("POST", loginPath, credentials("ada@example.com", goodPassword)).wants(200)
	access, refresh := claims(t, a.text("meta.access_token")), claims(t, a.text("meta.refresh_token"))
	if got := names(access); got != "aud exp gen iat iss jti sid sub token_use" {
		t.Errorf("access: %s", got)
	}
	if got := names(refresh); got != "aud exp gen iat iss jti sid sub token_use" {
		t.Errorf("refresh: %s", got)
	}
	if access["iss"] != "https://auth.example.com" || access["aud"] != "app" || access["token_use"] != "access" || access["gen"] != 1.0 {
		t.Errorf("access: %v", access)
	}
	id, _ := json.Marshal(a.get("data.user.id"))
	if sub := access["sub"]; sub != string(id) && sub != strings.TrimSuffix(string(id), ".0") {
		t.Errorf("sub %v is not the text of the user's id %s", sub, id)
	}
	now := float64(w.clock.Now().Unix())
	if access["iat"] != now || access["exp"] != now+300 || refresh["exp"] != now+86400 {
		t.Errorf("times: %v %v at %v", access, refresh, now)
	}
	w.joined()
	access = claims(t, w.signIn("ada@example.com").access)
	if access["tenant_id"] != tenantA {
		t.Errorf("tenant_id: %v", access)
	}
}

func TestToken_theTenantIsTheOneAtIssue(t *testing.T) {
	t.Parallel()
	w := start(t)
	s := w.signedUp("ada@example.com")
	if c := claims(t, s.Tokens().Access); c["tenant_id"] != nil {
		t.Errorf("a tenant before there is one: %v", c)
	}
	w.joined()
	if _, err := s.Current(t.Context()); err != nil {
		t.Errorf("the old token stopped working: %v", err)
	}
	if err := s.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := claims(t, s.Tokens().Access); c["tenant_id"] != tenantA {
		t.Errorf("after a refresh: %v", c)
	}
	if c := claims(t, s.Tokens().Refresh); c["tenant_id"] != nil {
		t.Errorf("the refresh token names a tenant: %v", c)
	}
}

func TestTenant_theDatabaseKeepsOnePrimary(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	w.joined()
	c := w.connect()
	defer func() { _ = c.Close(t.Context()) }()
	_, err := c.Exec(t.Context(), `WITH t AS (INSERT INTO tenants VALUES (gen_random_uuid(), 'B', now()) RETURNING id)
		INSERT INTO memberships SELECT t.id, u.id, true, now() FROM t, users u`)
	if err == nil || !strings.Contains(err.Error(), "memberships_primary") {
		t.Errorf("two primary tenants: %v", err)
	}
}

// operator defines the claims function of a test.
func (w *world) operator(body string) {
	w.t.Helper()
	w.exec("CREATE SCHEMA IF NOT EXISTS app")
	w.exec("CREATE OR REPLACE FUNCTION app.claims(user_id bigint) RETURNS jsonb LANGUAGE plpgsql AS $f$ BEGIN " + body + " END $f$")
}

func operated(t *testing.T, body string) *world {
	t.Helper()
	w := start(t)
	w.operator(body)
	w.app, w.url = w.serve("LATCHKEY_CLAIMS_FUNCTION=app.claims")
	return w
}

func TestClaims_theOperatorsStandInEveryAccessToken(t *testing.T) {
	t.Parallel()
	w := operated(t, `RETURN jsonb_build_object('role', 'engineer', 'n', user_id, 'list', array['a','b']);`)
	s := w.signedUp("ada@example.com")
	for range 2 {
		c := claims(t, s.Tokens().Access)
		if c["role"] != "engineer" || !reflect.DeepEqual(c["list"], []any{"a", "b"}) || c["sub"] == nil {
			t.Errorf("access: %v", c)
		}
		if c := claims(t, s.Tokens().Refresh); c["role"] != nil {
			t.Errorf("refresh: %v", c)
		}
		if _, err := s.Current(t.Context()); err != nil {
			t.Error(err)
		}
		if err := s.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestClaims_aFailureIs503AndLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	w := operated(t, `RETURN '{}'::jsonb;`)
	w.signedUp("ada@example.com")
	e := w.signIn("ada@example.com")
	for _, body := range []string{
		`RAISE EXCEPTION 'broken c4n4ry';`,
		`RETURN '{"sub":"1"}'::jsonb;`,
		`RETURN '{"tenant_id":null}'::jsonb;`,
		`RETURN '[1]'::jsonb;`,
		`RETURN '"text"'::jsonb;`,
		`RETURN jsonb_build_object('x', repeat('y', 600));`,
	} {
		w.operator(body)
		sessions := query[int](w, "SELECT count(*) FROM sessions")
		for _, a := range []answer{
			w.call("POST", loginPath, credentials("ada@example.com", goodPassword)),
			w.call("POST", signupPath, credentials("new@example.com", goodPassword)),
			w.call("POST", refreshPath, `{"refresh":"`+e.refresh+`"}`),
		} {
			if a.wants(503, "temporarily_unavailable"); a.Header.Get("Retry-After") == "" || strings.Contains(a.Body, "c4n4ry") {
				t.Errorf("%s: %s", body, a.Body)
			}
		}
		if n := query[int](w, "SELECT count(*) FROM sessions"); n != sessions {
			t.Errorf("%s: sessions were left behind", body)
		}
	}
	if !strings.Contains(w.log.String(), "claims function") {
		t.Error("the log does not say why")
	}
	w.operator(`RETURN NULL;`)
	w.call("POST", refreshPath, `{"refresh":"`+e.refresh+`"}`).wants(200) // the generation had not moved
}

func TestClaims_aFunctionThatIsNotThereStopsTheStart(t *testing.T) {
	t.Parallel()
	w := start(t)
	for name, says := range map[string]string{
		"app.missing": "there is no function app.missing(bigint)", "App.Claims": "want schema.function", "claims": "want schema.function",
		"app.claims(1); drop table users": "want schema.function",
	} {
		launch{args: []string{"serve"}, env: []string{
			"DATABASE_URL=" + w.db, "HEADLESS_JWT_PRIVATE_KEY=" + w.key, "LATCHKEY_ADDR=127.0.0.1:0", "LATCHKEY_CLAIMS_FUNCTION=" + name,
		}}.run(t).wants(2, "LATCHKEY_CLAIMS_FUNCTION", says)
	}
}

func TestJWKS_showsPublicMembersOnly(t *testing.T) {
	t.Parallel()
	w := start(t)
	a := w.call("GET", jwksPath, "").wants(200)
	if h := a.Header.Get("Cache-Control"); h != "public, max-age=300" {
		t.Errorf("Cache-Control: %s", h)
	}
	keys, _ := a.get("keys").([]any)
	if len(keys) != 1 {
		t.Fatalf("keys: %s", a.Body)
	}
	key := keys[0].(map[string]any)
	if got := names(key); got != "alg crv kid kty use x y" {
		t.Errorf("members: %s", got)
	}
	header, _ := base64.RawURLEncoding.DecodeString(strings.Split(w.signedUp("ada@example.com").Tokens().Access, ".")[0])
	if !strings.Contains(string(header), key["kid"].(string)) {
		t.Errorf("the token's header %s names another key than %v", header, key["kid"])
	}
}

func TestSpecification_isServed(t *testing.T) {
	t.Parallel()
	w := start(t)
	a := w.call("GET", "/openapi.json", "").wants(200)
	paths, _ := a.get("paths").(map[string]any)
	for _, p := range []string{configPath, loginPath, refreshPath, pairPath, profilePath} {
		if paths[p] == nil {
			t.Errorf("%s is missing", p)
		}
	}
	if a.text("openapi") != "3.0.3" || a.text("info.version") == "" {
		t.Errorf("document: %.200s", a.Body)
	}
}
