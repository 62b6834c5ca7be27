package provider_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
	"github.com/latchkey-auth/latchkey/internal/provider"
)

func (h *house) exchange(clientID, uid, code string) (string, error) {
	return h.providers.ExchangeCode(context.Background(), provider.Code{Provider: "apple", ClientID: clientID, UID: uid, Code: code})
}

func (h *house) revoke(clientID, token string) error {
	return h.providers.Revoke(context.Background(), "apple", clientID, token)
}

func TestExchangeCode_worksOnceAndItsTokenIsRevoked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, clientID := range fakeprovider.ClientIDs(fakeprovider.Apple) {
		code := h.fake.Code(clientID, "ann")
		token, err := h.exchange(clientID, "ann", code)
		if err != nil || token == "" {
			t.Fatal(err)
		}
		_, err = h.exchange(clientID, "ann", code)
		h.wants("the code again", err, provider.ErrInvalidCode)
		h.wants("revoke", h.revoke(clientID, token), nil)
		h.wants("revoke again: there is nothing left", h.revoke(clientID, token), nil)
		if revoked := h.fake.Revoked(); len(revoked) == 0 || revoked[len(revoked)-1] != token {
			t.Errorf("%v", revoked)
		}
	}
	if len(h.fake.Exchanged()) != 2 || len(h.fake.Revoked()) != 2 {
		t.Errorf("%v, %v", h.fake.Exchanged(), h.fake.Revoked())
	}
	for _, code := range []string{"", "unknown", strings.Repeat("c", 3000), h.fake.Code(fakeprovider.AppleWebClientID, "ann")} {
		_, err := h.exchange(fakeprovider.AppleClientID, "ann", code)
		h.wants("a code that is none", err, provider.ErrInvalidCode)
	}
}

func TestExchangeCode_refusesTheCodeOfAnotherPerson(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, uid := range []string{"", "mallory", "Ann"} {
		token, err := h.exchange(fakeprovider.AppleClientID, uid, h.fake.Code(fakeprovider.AppleClientID, "ann"))
		h.wants("another person's", err, provider.ErrInvalidCode)
		if token != "" {
			t.Error("the token came along")
		}
	}
}

// Without an id_token in the answer, nobody is whose code it was, not even somebody without a name.
func TestExchangeCode_wantsToKnowWhoseTheCodeWas(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"refresh_token":"r"}`, `{"refresh_token":"r","id_token":"x"}`, `{"refresh_token":"r","id_token":"` + compact(rsHeader, "{}") + `"}`} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
		p := newProviders(t, `{"apple":{"APP":{"client_id":"a","secret":"KEYID","key":"TEAMID","settings":{"certificate_key":`+quote(pemOf(t, newEC()))+`,"token_url":"`+server.URL+`"}}}}`, newClock())
		for _, uid := range []string{"", "ann"} {
			if token, err := p.ExchangeCode(context.Background(), provider.Code{Provider: "apple", ClientID: "a", UID: uid, Code: "c"}); !errors.Is(err, provider.ErrInvalidCode) || token != "" {
				t.Errorf("%s for %q: %q, %v", body, uid, token, err)
			}
		}
		server.Close()
	}
}

// The fake believes the app's own key alone, so that these tests say something about ours.
func TestApple_anotherKeyIsNotBelieved(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var settings map[string]struct{ APPS []map[string]any }
	if err := json.Unmarshal([]byte(h.fake.Providers()), &settings); err != nil {
		t.Fatal(err)
	}
	apple := settings["apple"].APPS[0]["settings"].(map[string]any)
	apple["certificate_key"] = pemOf(t, newEC())
	text, _ := json.Marshal(map[string]any{"apple": settings["apple"]})
	h.providers = newProviders(t, string(text), h.clock)
	_, err := h.exchange(fakeprovider.AppleClientID, "ann", h.fake.Code(fakeprovider.AppleClientID, "ann"))
	h.wants("exchange", err, provider.ErrUnavailable)
	if err == nil || !strings.Contains(err.Error(), "invalid_client") {
		t.Error(err)
	}
}

func TestApple_troubleIsToldApart(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const id = fakeprovider.AppleClientID
	token, err := h.exchange(id, "ann", h.fake.Code(id, "ann"))
	h.wants("exchange", err, nil)
	code := h.fake.Code(id, "ann")
	h.fake.FailApple(2)
	_, err = h.exchange(id, "ann", code)
	h.wants("out of order", err, provider.ErrUnavailable)
	h.wants("out of order", h.revoke(id, token), provider.ErrUnavailable)
	_, err = h.exchange(id, "ann", code)
	h.wants("the code is still good", err, nil)
	h.wants("the token too", h.revoke(id, token), nil)

	for _, who := range [][2]string{{"apple", "unknown"}, {"apple", ""}, {"apple", id + "," + fakeprovider.AppleWebClientID}, {"google", fakeprovider.GoogleClientID}, {"nobody", id}} {
		_, err := h.providers.ExchangeCode(context.Background(), provider.Code{Provider: who[0], ClientID: who[1], UID: "ann", Code: "c"})
		h.wants("exchange for "+who[1], err, provider.ErrUnknownClient)
		h.wants("revoke for "+who[1], h.providers.Revoke(context.Background(), who[0], who[1], "t"), provider.ErrUnknownClient)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	h.wants("left", h.providers.Revoke(ctx, "apple", id, token), context.Canceled)
	_ = h.fake.Close()
	h.wants("gone", h.revoke(id, token), provider.ErrUnavailable)
	_, err = h.exchange(id, "ann", code)
	h.wants("gone", err, provider.ErrUnavailable)

	none := newProviders(t, `{"apple":{"APP":{"client_id":"a"}}}`, newClock())
	if app, _ := none.Find("apple", "a"); app.CanRevoke() {
		t.Error("without a key")
	}
	h.wants("without a key", none.Revoke(context.Background(), "apple", "a", "t"), provider.ErrUnknownClient)
}

// What Apple answers besides 200 and invalid_grant may pass with time, and nothing of what
// we sent stands in the error.
func TestApple_answersThatAreNone(t *testing.T) {
	t.Parallel()
	const refresh = "refresh-canary"
	for name, row := range map[string]struct {
		status int
		body   string
		done   bool // for Revoke
	}{
		"invalid_client": {400, `{"error":"invalid_client"}`, false}, "unauthorized": {401, `{"error":"invalid_client"}`, false}, "echo": {400, `{"error":"` + refresh + `"}`, false}, "html": {400, `<html>`, false},
		"invalid_grant": {400, `{"error":"invalid_grant"}`, true}, "invalid_grant with 500": {500, `{"error":"invalid_grant"}`, false}, "too many": {429, ``, false}, "empty": {200, ``, true},
		"error twice": {400, `{"error":"invalid_client","error":"invalid_grant"}`, false}, "oversize": {200, strings.Repeat("x", 100<<10), false},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(row.status)
			_, _ = w.Write([]byte(row.body))
		}))
		p := newProviders(t, `{"apple":{"APP":{"client_id":"a","secret":"KEYID","key":"TEAMID","settings":{"certificate_key":`+quote(pemOf(t, newEC()))+`,"token_url":"`+server.URL+`","revoke_url":"`+server.URL+`"}}}}`, newClock())
		err := p.Revoke(context.Background(), "apple", "a", refresh)
		if row.done != (err == nil) || !row.done && !errors.Is(err, provider.ErrUnavailable) || err != nil && strings.Contains(err.Error(), refresh) {
			t.Errorf("revoke, %s: %v", name, err)
		}
		_, err = p.ExchangeCode(context.Background(), provider.Code{Provider: "apple", ClientID: "a", UID: "ann", Code: refresh})
		want := provider.ErrUnavailable
		if name == "invalid_grant" {
			want = provider.ErrInvalidCode
		}
		if !errors.Is(err, want) || strings.Contains(err.Error(), refresh) {
			t.Errorf("exchange, %s: %v", name, err)
		}
		server.Close()
	}
}

// What we send Apple is for Apple: a redirect that keeps the form is not followed.
func TestApple_redirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	var sent atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		sent.Add(1)
		_, _ = w.Write([]byte(`{"refresh_token":"r","id_token":"` + compact(rsHeader, `{"sub":"ann"}`) + `"}`))
	}))
	defer elsewhere.Close()
	for _, status := range []int{307, 308} {
		server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, status))
		p := newProviders(t, `{"apple":{"APP":{"client_id":"a","secret":"KEYID","key":"TEAMID","settings":{"certificate_key":`+quote(pemOf(t, newEC()))+`,"token_url":"`+server.URL+`","revoke_url":"`+server.URL+`"}}}}`, newClock())
		if err := p.Revoke(context.Background(), "apple", "a", "t"); !errors.Is(err, provider.ErrUnavailable) {
			t.Errorf("revoke, %d: %v", status, err)
		}
		if token, err := p.ExchangeCode(context.Background(), provider.Code{Provider: "apple", ClientID: "a", UID: "ann", Code: "c"}); !errors.Is(err, provider.ErrUnavailable) {
			t.Errorf("exchange, %d: %q, %v", status, token, err)
		}
		server.Close()
	}
	if n := sent.Load(); n != 0 {
		t.Errorf("%d forms went elsewhere", n)
	}
}

func TestApple_clientSecretIsShortLived(t *testing.T) {
	t.Parallel()
	p := newProviders(t, `{"apple":{"APP":{"client_id":"a,b","secret":"KEYID","key":"TEAMID","settings":{"certificate_key":`+quote(pemOf(t, newEC()))+`}}}}`, newClock())
	secret, err := p.Secret("apple", "b")
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(secret, ".")
	header, _ := base64.RawURLEncoding.DecodeString(parts[0])
	claims, _ := base64.RawURLEncoding.DecodeString(parts[1])
	signature, _ := base64.RawURLEncoding.DecodeString(parts[2])
	var got map[string]any
	_ = json.Unmarshal(claims, &got)
	if string(header) != `{"alg":"ES256","kid":"KEYID"}` || len(signature) != 64 || got["iss"] != "TEAMID" || got["sub"] != "b" || got["aud"] != "https://appleid.apple.com" || got["exp"] != float64(start.Unix()+300) || got["iat"] != float64(start.Unix()) {
		t.Errorf("%s %s", header, claims)
	}
	if other, _ := p.Secret("apple", "b"); !slices.Equal(strings.Split(other, ".")[:2], parts[:2]) {
		t.Error("not the same at the same time")
	}
}
