package e2e

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"reflect"
	"sort"
	"strings"
	"testing"
	"time"
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
	if got := names(access); got != "amr aud auth_time exp gen iat iss jti sid sub token_use" {
		t.Errorf("access: %s", got)
	}
	if got := names(refresh); got != "aud exp gen iat iss jti sid sub token_use" {
		t.Errorf("refresh: %s", got)
	}
	if refresh["aud"] != "app/refresh" {
		t.Errorf("refresh: %v", refresh)
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

// A backend that asks for a fresh proof sees it in the next access token.
func TestToken_saysWhenAndHowItsUserProvedWhoTheyAre(t *testing.T) {
	t.Parallel()
	w := start(t)
	signedUp := w.call("POST", signupPath, credentials("ada@example.com", goodPassword)).wants(200)
	if c := claims(t, signedUp.text("meta.access_token")); c["auth_time"] != nil || c["amr"] != nil {
		t.Errorf("after a sign-up, which proves nothing: %v", c)
	}

	e := w.signIn("ada@example.com")
	first := float64(w.clock.Now().Unix())
	if c := claims(t, e.access); c["auth_time"] != first || !reflect.DeepEqual(c["amr"], []any{"pwd"}) {
		t.Errorf("after a sign-in at %v: %v", first, c)
	}

	w.clock.Advance(2 * time.Minute)
	refreshed := w.spend(e.refresh, "").wants(200)
	if c := claims(t, refreshed.text("meta.access_token")); c["auth_time"] != first {
		t.Errorf("a refresh is no proof: got %v, want %v", c["auth_time"], first)
	}

	w.call("POST", reauthPath, `{"password":"`+goodPassword+`"}`, bearer(refreshed.text("meta.access_token"))).wants(200)
	again := float64(w.clock.Now().Unix())
	refreshed = w.spend(refreshed.text("meta.refresh_token"), "").wants(200)
	if c := claims(t, refreshed.text("meta.access_token")); c["auth_time"] != again {
		t.Errorf("after a proof: got %v, want %v", c["auth_time"], again)
	}
	if c := claims(t, refreshed.text("meta.refresh_token")); c["auth_time"] != nil || c["amr"] != nil {
		t.Errorf("a refresh token says how its user signed in: %v", c)
	}
}

// Versions of before issued refresh tokens with the audience of access tokens.
func TestToken_aRefreshTokenWithTheAudienceOfBeforeIsAccepted(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	e := w.signIn("ada@example.com")

	old := w.resigned(e.refresh, `"aud":"latchkey/refresh"`, `"aud":"latchkey"`)
	w.age(grown)
	a := w.spend(old, "").wants(200)
	if aud := claims(t, a.text("meta.refresh_token"))["aud"]; aud != "latchkey/refresh" {
		t.Errorf("its successor has the audience %v", aud)
	}

	w.clock.Advance(2 * time.Minute) // past the grace: spent twice
	w.call("GET", sessionPath, "", bearer(a.text("meta.access_token"))).wants(200)
	w.spend(old, "").wants(400, "refresh_token_reused@refresh")

	forAll := w.resigned(w.signIn("ada@example.com").access, `"aud":"latchkey"`, `"aud":"latchkey/refresh"`)
	w.call("GET", sessionPath, "", bearer(forAll)).wants(401)
}

// resigned is a token with a part of its claims replaced, signed with the server's key.
func (w *world) resigned(compact, old, replacement string) string {
	w.t.Helper()

	return w.edited(compact, func(claims string) string {
		if strings.Count(claims, old) != 1 {
			w.t.Fatalf("%s does not stand once in %s", old, claims)
		}

		return strings.Replace(claims, old, replacement, 1)
	})
}

// edited is a token with its claims edited, signed with the server's key.
func (w *world) edited(compact string, edit func(claims string) string) string {
	w.t.Helper()
	block, _ := pem.Decode([]byte(w.key))
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		w.t.Fatal(err)
	}

	parts := strings.Split(compact, ".")
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		w.t.Fatal(err)
	}
	signed := parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(edit(string(text))))

	sum := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, parsed.(*ecdsa.PrivateKey), sum[:])
	if err != nil {
		w.t.Fatal(err)
	}
	signature := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)

	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
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
		`RETURN jsonb_build_object('x', 1 / (user_id - user_id));`,
		`PERFORM * FROM app.c4n4ry; RETURN NULL;`,
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

// What no token can carry lasts until the operator acts: 503 would have every phone try again for ever.
func TestClaims_whatNoTokenCanCarryIs500AndLeavesNothingBehind(t *testing.T) {
	t.Parallel()

	for name, c := range map[string]struct{ body, says string }{
		"a reserved name":              {`RETURN '{"sub":"1"}'::jsonb;`, `the reserved name \"sub\"`},
		"a reserved name without use":  {`RETURN '{"tenant_id":null}'::jsonb;`, `the reserved name \"tenant_id\"`},
		"a reserved name's other case": {`RETURN '{"EXP":1}'::jsonb;`, `the reserved name`},
		"a list":                       {`RETURN '[1]'::jsonb;`, "not a JSON object that a token can hold"},
		"a text":                       {`RETURN '"text"'::jsonb;`, "not a JSON object that a token can hold"},
		"a number":                     {`RETURN '7'::jsonb;`, "not a JSON object that a token can hold"},
		"too deep":                     {`RETURN '{"a":{"b":{"c":{"d":1}}}}'::jsonb;`, "not a JSON object that a token can hold"},
		"too many members":             {`RETURN (SELECT jsonb_object_agg(n, 1) FROM generate_series(1, 65) n);`, "not a JSON object that a token can hold"},
		"too long":                     {`RETURN jsonb_build_object('x', repeat('y', 600));`, "claims"},
		"too long in several members":  {`RETURN jsonb_build_object('x', repeat('y', 300), 'z', repeat('y', 300));`, "512 are the most"},
		"too long in bytes":            {`RETURN jsonb_build_object('x', repeat('ü', 300));`, "claims"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			w := operated(t, `RETURN '{}'::jsonb;`)
			w.signedUp(ada)
			e := w.signIn(ada)
			w.operator(c.body)
			sessions := query[int](w, "SELECT count(*) FROM sessions")

			for _, a := range []answer{
				w.call("POST", loginPath, credentials(ada, goodPassword)),
				w.call("POST", signupPath, credentials("new@example.com", goodPassword)),
				w.call("POST", refreshPath, `{"refresh":"`+e.refresh+`"}`),
			} {
				if a.wants(500, "invalid_claims"); a.Header.Get("Retry-After") != "" {
					t.Errorf("Retry-After: %s", a.Header.Get("Retry-After"))
				}
			}

			if n := query[int](w, "SELECT count(*) FROM sessions"); n != sessions {
				t.Errorf("%d sessions were left behind", n-sessions)
			}
			if log := w.log.String(); !strings.Contains(log, "claims function, user ") || !strings.Contains(log, c.says) {
				t.Errorf("the log does not say why: %s", log)
			}

			w.operator(`RETURN '{"role":"engineer"}'::jsonb;`)
			a := w.call("POST", refreshPath, `{"refresh":"`+e.refresh+`"}`).wants(200) // the generation had not moved
			if got := claims(t, a.text("meta.access_token")); got["role"] != "engineer" {
				t.Errorf("claims: %v", got)
			}
		})
	}
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

// A function that raises for a user who is gone, as SELECT … INTO STRICT does, keeps no phone from learning
// that its session is over.
func TestRefresh_theClaimsFunctionIsAskedForLivingSessionsOnly(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		end  string // SQL, after a refresh by which the token was spent
		want string
	}{
		"the user is gone":            {"DELETE FROM users", "refresh_token_invalid"},
		"the account is to go":        {"UPDATE users SET deletes_at = now() + interval '1 day'; UPDATE sessions SET ended_at = now(), end_reason = 'account_deleted'", "account_deleted"},
		"the account is disabled":     {"UPDATE users SET disabled_at = now()", "account_disabled"},
		"the session was signed out":  {"UPDATE sessions SET ended_at = now(), end_reason = 'signed_out'", "session_ended"},
		"the session has expired":     {"UPDATE sessions SET refresh_expires_at = now() - interval '1 hour'", "session_expired"},
		"the password was changed":    {"UPDATE sessions SET ended_at = now(), end_reason = 'password_changed'", "password_changed"},
		"the token is of another key": {"UPDATE sessions SET generation = generation + 1, confirmed_at = now()", "refresh_conflict"},
		"the token is stolen":         {"UPDATE sessions SET generation = generation + 2, rotated_at = rotated_at - interval '1 hour', confirmed_at = now()", "refresh_token_reused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := operated(t, `RETURN '{}';`)
			e := w.signedUp(ada).Tokens()
			w.age(grown)
			next := w.spend(e.Refresh, "key-number-1").wants(200).text("meta.refresh_token")
			w.operator(`RAISE EXCEPTION 'there is no such user';`)
			w.exec(row.end)
			a := w.spend(next, "key-number-2")
			if a.Status != 400 && a.Status != 409 || !strings.Contains(a.Body, `"`+row.want+`"`) {
				t.Errorf("%d: %s, want %s", a.Status, a.Body, row.want)
			}
		})
	}
}

// A function that raises for a living session costs it nothing.
func TestRefresh_aClaimsFunctionThatRaisesLeavesTheGeneration(t *testing.T) {
	t.Parallel()
	w := operated(t, `RETURN '{}';`)
	e := w.signedUp(ada).Tokens()
	for _, age := range []time.Duration{0, grown} { // a young token is repeated, an older one rotates
		w.age(age)
		w.operator(`RAISE EXCEPTION 'broken';`)
		w.spend(e.Refresh, "key-number-1").wants(503, "temporarily_unavailable")
		if g := query[int](w, "SELECT generation FROM sessions"); g != 1 {
			t.Errorf("generation %d, want 1", g)
		}
		w.operator(`RETURN '{}';`)
		w.spend(e.Refresh, "key-number-1").wants(200)
	}
}
