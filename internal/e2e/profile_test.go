package e2e

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestProfile_showsAndChanges(t *testing.T) {
	t.Parallel()
	w := start(t)
	s := w.signedUp("ada@example.com")
	with := bearer(s.Tokens().Access)
	a := w.call("GET", profilePath, "", with).wants(200)
	var got map[string]any
	if err := json.Unmarshal([]byte(a.Body), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"id": got["id"], "email": "ada@example.com", "display": "ada", "email_verified": false, "tenant_id": nil,
		"created_at": float64(w.clock.Now().UnixMicro()) / 1e6,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	a = w.call("PATCH", profilePath, `{"display":" Ada Lovelace ","email":"ignored@example.com"}`, with).wants(200)
	if a.text("display") != "Ada Lovelace" || a.text("email") != "ada@example.com" {
		t.Errorf("after the change: %s", a.Body)
	}
	p, err := s.Profile(t.Context())
	if err != nil || p.Display != "Ada Lovelace" {
		t.Errorf("read again: %v %v", p, err)
	}
	if u, err := s.Current(t.Context()); err != nil || u.Display != "Ada Lovelace" {
		t.Errorf("in the session: %v %v", u, err)
	}
}

func TestProfile_refusesWhatCannotBeADisplayName(t *testing.T) {
	t.Parallel()
	w := start(t)
	with := bearer(w.signedUp("ada@example.com").Tokens().Access)
	for body, want := range map[string]string{
		`{}`:               "required",
		`{"display":""}`:   "required@display",
		`{"display":"  "}`: "required@display",
		`{"display":null}`: "required", // null of an optional member is absent
		`{"display":7}`:    "invalid@display",
		`{"display":"` + strings.Repeat("x", 151) + `"}`: "max_length@display",
	} {
		w.call("PATCH", profilePath, body, with).wants(400, want)
	}
	w.call("PATCH", profilePath, `{"display":"`+strings.Repeat("é", 150)+`"}`, with).wants(200)
	w.call("PATCH", profilePath, `{"display":"x"}`).wants(401)
}

func TestProfile_showsThePrimaryTenantAndAVerifiedAddress(t *testing.T) {
	t.Parallel()
	w := start(t)
	s := w.signedUp("ada@example.com")
	const tenant = "0190b8a4-6f0e-7c3e-9a51-0d4c0f6f2a11"
	w.exec("INSERT INTO tenants (id, name, created_at) VALUES ($1, 'Engines', now())", tenant)
	w.exec("INSERT INTO memberships (tenant_id, user_id, is_primary, created_at) SELECT $1, id, true, now() FROM users", tenant)
	w.exec("UPDATE email_addresses SET verified_at = now()")
	a := w.call("GET", profilePath, "", bearer(s.Tokens().Access)).wants(200)
	if a.text("tenant_id") != tenant || a.get("email_verified") != true {
		t.Errorf("profile: %s", a.Body)
	}
}
