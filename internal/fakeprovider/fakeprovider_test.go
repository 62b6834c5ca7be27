package fakeprovider_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
)

var start = time.Unix(1_800_000_000, 0).UTC()

func newFake(t *testing.T) *fakeprovider.Server {
	t.Helper()
	s, err := fakeprovider.Start(fakeprovider.Options{Now: func() time.Time { return start }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// browser follows nothing.
var browser = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func call(t *testing.T, method, address, media, body string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if media != "" {
		r.Header.Set("Content-Type", media)
	}
	answer, err := browser.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, _ := io.ReadAll(answer.Body)
	return answer, string(text)
}

func page(s *fakeprovider.Server, provider string, q url.Values) string {
	return s.URL + "/" + provider + "/sign-in?" + q.Encode()
}

func asked(redirect string) url.Values {
	return url.Values{"client_id": {fakeprovider.AppleClientID}, "nonce": {"n1"}, "redirect_uri": {redirect}, "state": {"s1"}}
}

func TestSignIn_pageEscapesEverything(t *testing.T) {
	t.Parallel()
	s := newFake(t)
	q := asked("latchkeyexample:/cb?x=%22%3E%3Cscript%3E")
	const evil = `"><script>alert(1)</script>{{.}}`
	q.Set("nonce", evil)
	q.Set("state", evil)
	answer, text := call(t, "GET", page(s, "apple", q), "", "")
	if answer.StatusCode != 200 || strings.Contains(text, "<script") || !strings.Contains(text, "&lt;script&gt;") {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
	if policy := answer.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") || answer.Header.Get("Cache-Control") != "no-store" {
		t.Error(policy)
	}
	for _, needed := range []string{`<html lang="en">`, `<label for="email">`, `<label for="sub">`, `<label for="name">`, `<main>`} {
		if !strings.Contains(text, needed) {
			t.Errorf("the page has no %s", needed)
		}
	}
	// What was typed comes back escaped as well.
	q.Set("email", " ")
	answer, text = call(t, "POST", s.URL+"/apple/sign-in", "application/x-www-form-urlencoded", q.Encode())
	if answer.StatusCode != 422 || !strings.Contains(text, `role="alert"`) || strings.Contains(text, "<script") {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
	q.Set("client_id", evil)
	if answer, text = call(t, "GET", page(s, "apple", q), "", ""); answer.StatusCode != 400 || strings.Contains(text, "<script") {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
}

func TestSignIn_returnsToThisMachineAlone(t *testing.T) {
	t.Parallel()
	s := newFake(t)
	for redirect, good := range map[string]bool{
		"http://localhost:8081/cb": true, "http://127.0.0.1/cb": true, "https://[::1]:3000/": true, "latchkeyexample:/cb": true, "latchkeyexample://cb": true, "com.example.app:/cb": true,
		"": false, "/cb": false, "//evil.example/": false, "http://evil.example/": false, "https://localhost.evil.example/": false, "http://localhost@evil.example/": false, "http://127.0.0.1.evil.example": false, "http:evil.example": false,
		"javascript:alert(1)": false, "data:text/html,x": false, "vbscript:x": false, "file:///etc/passwd": false, "intent://x": false, "latchkeyexample:/cb#id_token=x": false, "http://u:p@localhost/": false, " javascript:alert(1)": false, "java\nscript:alert(1)": false,
	} {
		q := asked(redirect)
		answer, _ := call(t, "GET", page(s, "apple", q), "", "")
		if want := map[bool]int{true: 200, false: 400}[good]; answer.StatusCode != want {
			t.Errorf("GET %q: %d", redirect, answer.StatusCode)
		}
		q.Set("email", "ann@example.com")
		answer, _ = call(t, "POST", s.URL+"/apple/sign-in", "application/x-www-form-urlencoded", q.Encode())
		location := answer.Header.Get("Location")
		if good != (answer.StatusCode == 303) || good != strings.HasPrefix(location, redirect+"#") {
			t.Errorf("POST %q: %d %s", redirect, answer.StatusCode, location)
		}
	}
}

func TestSignIn_bringsATokenAndACodeBack(t *testing.T) {
	t.Parallel()
	s := newFake(t)
	q := asked("latchkeyexample:/cb")
	q.Set("email", "ann@example.com")
	q.Set("name", "Ann Lee")
	answer, _ := call(t, "POST", s.URL+"/apple/sign-in", "application/x-www-form-urlencoded", q.Encode())
	_, fragment, _ := strings.Cut(answer.Header.Get("Location"), "#")
	got, err := url.ParseQuery(fragment)
	if err != nil || got.Get("state") != "s1" || got.Get("code") == "" {
		t.Fatalf("%v, %v", got, err)
	}
	claims := claimsOf(t, got.Get("id_token"))
	if claims["sub"] != fakeprovider.SubjectFor("apple", "ann@example.com") || claims["email"] != "ann@example.com" || claims["nonce"] != "n1" || claims["aud"] != fakeprovider.AppleClientID || claims["given_name"] != nil || claims["email_verified"] != true {
		t.Errorf("%v", claims)
	}
	q.Set("client_id", fakeprovider.GoogleClientID)
	q.Set("sub", "42")
	q.Set("unverified", "1")
	answer, _ = call(t, "POST", s.URL+"/google/sign-in", "application/x-www-form-urlencoded", q.Encode())
	_, fragment, _ = strings.Cut(answer.Header.Get("Location"), "#")
	got, _ = url.ParseQuery(fragment)
	if claims = claimsOf(t, got.Get("id_token")); got.Has("code") || claims["sub"] != "42" || claims["given_name"] != "Ann" || claims["family_name"] != "Lee" || claims["email_verified"] != false {
		t.Errorf("%v %v", got, claims)
	}
	if answer, _ := call(t, "GET", s.URL+"/facebook/sign-in", "", ""); answer.StatusCode != 404 {
		t.Error(answer.StatusCode)
	}
}

func claimsOf(t *testing.T, compact string) map[string]any {
	t.Helper()
	var claims map[string]any
	parts := strings.Split(compact, ".")
	if len(parts) != 3 || !fakeprovider.DecodeInto(parts[1], &claims) {
		t.Fatalf("%q is no token", compact)
	}
	return claims
}

func TestTokenFor_takesJSONAlone(t *testing.T) {
	t.Parallel()
	s := newFake(t)
	answer, text := call(t, "POST", s.URL+"/apple/token-for", "application/json", `{"email":"ann@example.com","nonce":"n1","claims":{"nonce_supported":null,"x":1}}`)
	var got map[string]string
	if err := json.Unmarshal([]byte(text), &got); err != nil || answer.StatusCode != 200 || got["code"] == "" {
		t.Fatalf("%d %s", answer.StatusCode, text)
	}
	claims := claimsOf(t, got["id_token"])
	if _, present := claims["nonce_supported"]; present || claims["x"] != float64(1) || claims["nonce"] != "n1" || claims["sub"] != got["sub"] {
		t.Errorf("%v", claims)
	}
	for _, media := range []string{"", "text/plain", "application/x-www-form-urlencoded"} { // what a page elsewhere can send
		if answer, _ := call(t, "POST", s.URL+"/apple/token-for", media, `{}`); answer.StatusCode != 415 {
			t.Errorf("%s: %d", media, answer.StatusCode)
		}
	}
	if answer, _ := call(t, "POST", s.URL+"/apple/token-for", "application/json", `[`); answer.StatusCode != 400 {
		t.Error(answer.StatusCode)
	}
}

// Apple's endpoints believe nobody who does not hold the app's key.
func TestApple_wantsAClientSecret(t *testing.T) {
	t.Parallel()
	s := newFake(t)
	for _, secret := range []string{"", "x", "a.b.c", s.Token(fakeprovider.Claims{Provider: fakeprovider.Apple}), s.Token(fakeprovider.Claims{Provider: fakeprovider.OIDC})} {
		for _, path := range []string{"token", "revoke"} {
			form := url.Values{"client_id": {fakeprovider.AppleClientID}, "client_secret": {secret}, "code": {s.Code(fakeprovider.AppleClientID, "ann")}, "grant_type": {"authorization_code"}, "token": {"t"}}
			answer, text := call(t, "POST", s.URL+"/apple/auth/"+path, "application/x-www-form-urlencoded", form.Encode())
			if answer.StatusCode != 400 || !strings.Contains(text, "invalid_client") {
				t.Errorf("%s: %d %s", path, answer.StatusCode, text)
			}
		}
	}
	if len(s.Exchanged())+len(s.Revoked()) != 0 {
		t.Error("something happened")
	}
}

func TestKeys_faultsAndRotation(t *testing.T) {
	t.Parallel()
	s := newFake(t)
	keys := func() (int, string) {
		answer, text := call(t, "GET", s.URL+"/google/keys", "", "")
		return answer.StatusCode, text
	}
	_, first := keys()
	s.RotateKeys("google")
	_, second := keys()
	s.ServeOldKeys("google", true)
	if _, again := keys(); first == second || again != first || strings.Contains(first, `"d"`) {
		t.Errorf("%s %s %s", first, second, again)
	}
	s.SetFault("google", fakeprovider.Failing)
	if status, _ := keys(); status != 500 || s.Fetches("google") != 4 || s.Fetches("apple") != 0 {
		t.Error(status, s.Fetches("google"))
	}
	s.SetFault("google", fakeprovider.Slow)
	done := make(chan int)
	go func() { status, _ := keys(); done <- status }()
	for s.Fetches("google") < 5 { // it is held back
		call(t, "GET", s.URL+"/apple/keys", "", "")
	}
	s.SetFault("google", fakeprovider.Healthy)
	if status := <-done; status != 200 {
		t.Error(status)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := fakeprovider.Start(fakeprovider.Options{}); err == nil {
		t.Error("without a clock")
	}
}

func TestStart_namesAnAddressThatThisMachineReaches(t *testing.T) {
	t.Parallel()
	s, err := fakeprovider.Start(fakeprovider.Options{Addr: "0.0.0.0:0", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if !strings.HasPrefix(s.URL, "http://127.0.0.1:") {
		t.Error(s.URL)
	}
}
