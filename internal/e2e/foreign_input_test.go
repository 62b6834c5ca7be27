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
	a = w.call("POST", signupPath, object("email", "ada", "password", goodPassword)).wants(400, "invalid@email")
	if !strings.Contains(a.Body, "Enter a valid email address.") {
		t.Error(a.Body)
	}
}
