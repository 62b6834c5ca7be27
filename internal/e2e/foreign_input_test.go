package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
)

// Serializers of Dart, Java and C# write null for a member that is absent.
func TestInput_nullOfAnOptionalMemberIsAbsent(t *testing.T) {
	t.Parallel()
	w, list := readers(t)
	for _, r := range list {
		plain := w.send(r, r.text).verdict()
		for name := range r.schema.Properties {
			if _, given := r.example[name]; given || slices.Contains(r.schema.Required, name) {
				continue
			}
			if got := w.send(r, r.plus(name, nil)).verdict(); got != plain {
				t.Errorf("%s with %s null: %s, want %s", r.id, name, got, plain)
			}
		}
		if got := w.send(r, r.plus("unknown", nil)).verdict(); got != plain {
			t.Errorf("%s with an unknown member null: %s, want %s", r.id, got, plain)
		}
		for _, name := range r.schema.Required {
			if got := w.send(r, r.plus(name, nil)).verdict(); got != fmt.Sprintf("400 [{required %s}]", name) {
				t.Errorf("%s with %s null: %s", r.id, name, got)
			}
		}
	}
}

func TestInput_nullInsideAnObjectIsAbsent(t *testing.T) {
	t.Parallel()
	w, s := providing(t)
	w.visitor().do("POST", providerTokenPath,
		`{"provider":"google","process":"login","token":{"client_id":"x","id_token":null,"access_token":null,"nonce":null,"name":null}}`).
		wants(400, "token_required@token")
	c := of("google", gmail)
	text := brought("login", "google", fakeprovider.GoogleClientID, s.token(c))
	text = strings.Replace(text, `"id_token"`, `"access_token":null,"authorization_code":null,"name":null,"id_token"`, 1)
	w.visitor().do("POST", providerTokenPath, text).in()
}

// A field with characters that nobody sees was left empty.
func TestInput_whatNobodySeesIsAbsent(t *testing.T) {
	t.Parallel()

	w := start(t, "ACCOUNT_SIGNUP_FIELDS=email,username,phone,password1*", "ACCOUNT_LOGIN_METHODS=email,username,phone",
		"ACCOUNT_PHONE_VERIFICATION_ENABLED=false", "ACCOUNT_LOGIN_BY_CODE_ENABLED=true")
	w.signedUp(ada)
	for _, none := range []string{"\u200b", "\u202a \u202c", "\u00ad\ufe0f", "\u3164", "\u00a0\u3000"} {
		w.visitor().post(signupPath, "email", none, "username", none, "phone", none, "password", goodPassword).in()
		w.visitor().post(loginPath, "email", ada, "username", none, "phone", none, "password", goodPassword).in()
		w.visitor().post(loginPath, "email", none, "password", goodPassword).wants(400, "invalid_login")
		w.visitor().post(codeRequestPath, "email", ada, "phone", none).waits("login_by_code")
		w.visitor().post(codeRequestPath, "email", none).wants(400, "required@email")
	}

	strict := start(t, "ACCOUNT_SIGNUP_FIELDS=email*,username*,password1*")
	strict.visitor().post(signupPath, "email", "\u200b", "username", "\u3164", "password", goodPassword).
		wants(400, "required@email", "required@username")
}

// Some clients send the type of JSON and no body where they mean an empty object.
func TestInput_anEmptyBodyIsAnEmptyObject(t *testing.T) {
	t.Parallel()
	w, list := readers(t)
	for _, r := range list {
		want := w.send(r, "{}").verdict()
		for _, media := range []string{"application/json", "text/json; charset=utf8", ""} {
			if got := w.send(r, "", "Content-Type: "+media).verdict(); got != want {
				t.Errorf("%s without a body, as %q: %s, want %s", r.id, media, got, want)
			}
		}
	}
}

func TestInput_idsMayBeText(t *testing.T) {
	t.Parallel()
	w := start(t)
	v := w.signedIn(ada)
	for range 2 {
		w.again(ada)
	}
	others := func() []int64 {
		return column[int64](w, "SELECT listing_id FROM sessions WHERE ended_at IS NULL ORDER BY created_at OFFSET 1")
	}
	ids := others()
	v.do("DELETE", sessionsPath, fmt.Sprintf(`{"sessions":["%d"]}`, ids[0])).wants(200)
	v.do("DELETE", sessionsPath, fmt.Sprintf(`{"sessions":["00%d"]}`, ids[1])).wants(200)
	if left := others(); len(left) != 0 {
		t.Errorf("%d sessions live on", len(left))
	}
	for _, wrong := range []string{`"x"`, `""`, `"-1"`, `"+1"`, `" 1"`, `"1.0"`, `"1e3"`, `"0x1"`, `"99999999999999999999"`, `"\u0661"`, `true`, `{}`, `[1]`, `1.5`} {
		v.do("DELETE", sessionsPath, `{"sessions":[`+wrong+`]}`).wants(400, "invalid_pk_value@sessions")
	}
}

// Some providers write a sub as a number, and some clients keep it as one.
func TestInput_theIDOfAProviderAccountMayBeANumber(t *testing.T) {
	t.Parallel()

	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	v := w.reproved(ada)
	c := of(fakeprovider.OIDC, gmail)
	for _, sub := range []string{"12", "9007199254740993", "110169484474386276334"} {
		c.Sub = sub
		v.bring("connect", s, c).wants(200)
		for _, wrong := range []string{"1.0", "1e1", "-12", "true", "{}", "[12]"} {
			v.do("DELETE", providersPath, `{"provider":"fake-oidc","account":`+wrong+`}`).wants(400, "invalid@account")
		}
		v.do("DELETE", providersPath, `{"provider":"fake-oidc","account":1`+sub+`}`).wants(400, "account_not_found")
		v.do("DELETE", providersPath, `{"provider":"fake-oidc","account":`+sub+`}`).wants(200)
		if left := w.identities(); left != "" {
			t.Errorf("%s is still connected: %s", sub, left)
		}
	}
	v.do("DELETE", providersPath, `{"provider":12,"account":12}`).wants(400, "invalid@provider")
}

// Each of the two refresh operations takes the other one's name of the token.
func TestInput_aRefreshTokenHasTwoNames(t *testing.T) {
	t.Parallel()
	w := start(t)
	token := w.signedUp(ada).Tokens().Refresh
	for _, path := range []string{refreshPath, root + "tokens/refresh"} {
		for _, body := range []map[string]any{
			{"refresh": token},
			{"refresh_token": token},
			{"refresh": token, "refresh_token": token},
			{"refresh": nil, "refresh_token": token},
			{"refresh_token": nil, "refresh": token},
			{"refresh": "", "refresh_token": token},
			{"refresh_token": "", "refresh": token},
			{"refresh": " " + token + "\r\n"},
			{"refresh_token": "\t" + token},
		} {
			names := slices.Collect(maps.Keys(body))
			if a := w.call("POST", path, asJSON(body)); a.Status != 200 {
				t.Errorf("%s with %v: %d %s", path, names, a.Status, a.Body)
			}
		}
		for what, body := range map[string]map[string]any{
			"two tokens":         {"refresh": token, "refresh_token": "another"},
			"two objects":        {"refresh": map[string]any{}, "refresh_token": map[string]any{}},
			"two lists":          {"refresh": []any{token}, "refresh_token": []any{token}},
			"a token and a list": {"refresh": token, "refresh_token": []any{token}},
		} {
			a := w.call("POST", path, asJSON(body))
			if !strings.HasPrefix(a.verdict(), "400 [{invalid refresh") {
				t.Errorf("%s: %d %s", what, a.Status, a.Body)
			}
		}
		for _, body := range []string{`{"refresh":"","refresh_token":""}`, `{"refresh":null,"refresh_token":""}`, `{"refresh":""}`} {
			if a := w.call("POST", path, body); !strings.HasPrefix(a.verdict(), "400 [{required refresh") {
				t.Errorf("%s: %d %s", body, a.Status, a.Body)
			}
		}
		w.call("POST", path, asJSON(map[string]any{"refresh": token[:40] + " " + token[40:]})).wants(400)
	}
	w.call("DELETE", sessionPath, object("refresh_token", " "+token+"\n")).wants(401)
	if w.living(token) {
		t.Error("a refresh token between blanks does not sign out")
	}
}

func asJSON(value any) string {
	text, _ := json.Marshal(value)
	return string(text)
}

func TestInput_messagesSayHowLong(t *testing.T) {
	t.Parallel()
	w := start(t)
	long := strings.Repeat("a", 321)
	a := w.call("POST", loginPath, object("email", long, "password", goodPassword)).wants(400, "max_length@email")
	if !strings.Contains(a.Body, "Ensure this value has at most 320 characters (it has 321).") {
		t.Error(a.Body)
	}
	a = w.call("POST", signupPath, object("email", ada, "password", "Sh0rt!")).wants(400, "password_too_short@password")
	if !strings.Contains(a.Body, "This password is too short. It must contain at least 8 characters.") {
		t.Error(a.Body)
	}
	a = w.call("POST", signupPath, object("email", ada, "password", "81726354091827")).wants(400, "password_entirely_numeric@password")
	if !strings.Contains(a.Body, "it must contain at least 15 digits") {
		t.Error(a.Body)
	}
	a = w.call("POST", signupPath, object("email", "ada", "password", goodPassword)).wants(400, "invalid@email")
	if !strings.Contains(a.Body, "Enter a valid email address.") {
		t.Error(a.Body)
	}
}

// A null character in one member is one problem of the form: the others come along.
func TestInput_nullCharactersComeWithTheOtherProblems(t *testing.T) {
	t.Parallel()

	w := start(t, "ACCOUNT_SIGNUP_FIELDS=email*,username,phone,password1*", "ACCOUNT_LOGIN_METHODS=email,username,phone")
	v := w.signedIn(ada)
	const nul = "null_characters_not_allowed@"
	for _, row := range []struct {
		method, path, body string
		problems           []string
	}{
		{"POST", signupPath, object("email", "a\x00", "password", "b\x00"), []string{nul + "email", nul + "password"}},
		{"POST", signupPath, object("email", "nobody", "password", "b\x00"), []string{nul + "password", "invalid@email"}},
		{"POST", signupPath, object("email", "a\x00", "password", "short"), []string{nul + "email", "password_too_short@password"}},
		{"POST", signupPath, `{"email":5,"username":"a\u0000","phone":"123","password":"b\u0000"}`, []string{nul + "username", nul + "password", "invalid@email", "invalid_phone@phone"}},
		{"POST", signupPath, object("username", "a\x00"), []string{nul + "username", "required@email", "required@password"}},
		{"POST", loginPath, object("email", "a\x00"), []string{nul + "email", "required@password"}},
		{"POST", loginPath, object("email", ada, "password", "\x00", "x", "\x00"), []string{nul + "password", nul + "x"}},
		{"POST", loginPath, object("password", "\x00"), []string{nul + "password", "invalid_login"}},
		{"POST", resetPath, object("key", "\x00", "password", "short"), []string{nul + "key", "password_too_short@password"}},
		{"POST", providerTokenPath, `{"provider":"\u0000","process":"login","token":{"id_token":"\u0000"}}`, []string{nul + "provider", nul + "token.id_token"}},
		{"POST", providerTokenPath, `{"provider":"","process":"","token":{"id_token":"\u0000"}}`, []string{nul + "token.id_token", "required@process", "required@provider"}},
		{"DELETE", sessionsPath, `{"sessions":["1","\u0000"],"x":[["\u0000"],{"y":"\u0000"}]}`, []string{nul + "sessions", nul + "x", nul + "x.y"}},
		{"POST", signupPath, `{"email":"\u0000","a\u0000":1,"password":""}`, []string{"null_characters_not_allowed"}},
		{"POST", signupPath, `{"email":"\u0000","email":"\u0000"}`, []string{"invalid_json"}},
	} {
		v.do(row.method, row.path, row.body).wants(400, row.problems...)
	}
	w.visitor().do("PATCH", profilePath, `{"display":"\u0000"}`).wants(401)
}

// A value of another type is what is wrong, and not that it is missing.
func TestInput_aValueOfAnotherTypeIsSaidToBe(t *testing.T) {
	t.Parallel()

	w := start(t, "ACCOUNT_LOGIN_METHODS=email,username,phone")
	v := w.signedIn(ada)
	for _, row := range []struct{ method, path, body, problem, message string }{
		{"POST", loginPath, `{"email":5,"password":"x"}`, "invalid@email", "This must be a text."},
		{"POST", loginPath, `{"username":["ada"],"password":"x"}`, "invalid@username", "This must be a text."},
		{"POST", loginPath, `{"email":"ada@example.com","password":123456}`, "invalid@password", "This must be a text."},
		{"POST", providerTokenPath, `{"provider":"google","process":"login","token":"eyJ"}`, "invalid@token", "This must be an object."},
		{"PATCH", emailsPath, `{"email":"ada@example.com","primary":"yes"}`, "invalid@primary", "This must be true or false."},
		{"PUT", passkeysPath, `{"id":1.5,"name":"x"}`, "invalid@id", "This must be a whole number."},
	} {
		a := v.do(row.method, row.path, row.body).wants(400, row.problem)
		if got := a.text("errors.message"); got != row.message {
			t.Errorf("%s %s: %q, want %q", row.path, row.body, got, row.message)
		}
	}
}

// Limits are not mistakes in the syntax.
func TestInput_whatIsTooLargeIsSaidToBe(t *testing.T) {
	t.Parallel()

	w := start(t)
	for what, body := range map[string]string{
		"many elements": `{"x":[` + strings.Repeat("1,", 300) + `1]}`,
		"a long text":   object("password", strings.Repeat("x", 17<<10)),
		"many levels":   `{"x":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}`,
		"a huge number": `{"x":1e999}`,
	} {
		if a := w.call("POST", loginPath, body).wants(400, "invalid_json"); !strings.Contains(a.text("errors.message"), "at most 8 levels, 200 members") {
			t.Errorf("%s: %s", what, a.Body)
		}
	}
	if a := w.call("POST", loginPath, `{"x":1,}`).wants(400, "invalid_json"); strings.Contains(a.Body, "at most") {
		t.Error(a.Body)
	}
}

// Serializers of Go and of Protocol Buffers write an empty text for a member that is absent.
func TestInput_emptyTextOfAnOptionalMemberIsAbsent(t *testing.T) {
	t.Parallel()

	w, list := readers(t)
	seen := 0
	for _, r := range list {
		plain := w.send(r, r.text).verdict()
		for name, member := range r.schema.Properties {
			_, given := r.example[name]
			if given || slices.Contains(r.schema.Required, name) || !member.Value.Type.Is("string") {
				continue
			}
			seen++
			if got := w.send(r, r.plus(name, "")).verdict(); got != plain {
				t.Errorf("%s with %s empty: %s, want %s", r.id, name, got, plain)
			}
		}
	}
	if seen < 5 {
		t.Errorf("only %d optional texts", seen)
	}
}

// Some keyboards write a letter with an accent as two characters. A password has the length of its composed form.
func TestInput_aPasswordHasOneLengthOnAllKeyboards(t *testing.T) {
	t.Parallel()

	w := start(t)
	composed, decomposed := strings.Repeat("é", 250)+" Key37", strings.Repeat("e\u0301", 250)+" Key37"
	v := w.visitor()
	v.post(signupPath, "email", ada, "password", composed).in()
	for _, typed := range []string{composed, decomposed, "  " + decomposed + "\u00a0"} {
		w.visitor().post(loginPath, "email", ada, "password", typed).in()
	}
	v.post(reauthPath, "password", decomposed).wants(200)
	v.post(changePath, "current_password", decomposed, "new_password", decomposed+"8").wants(400, "max_length@new_password")

	long := w.visitor().post(signupPath, "email", grace, "password", decomposed+"8").wants(400, "max_length@password")
	if message := long.text("errors.message"); !strings.Contains(message, "at most 256 characters (it has 257)") {
		t.Error(message)
	}
	v.post(reauthPath, "password", "\u00a0 ").wants(400, "required@password")
}
