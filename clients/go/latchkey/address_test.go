package latchkey

import (
	"net/http"
	"strings"
	"testing"
)

func TestOpen_takesAddressesInAnySpelling(t *testing.T) {
	for text, want := range map[string]string{
		"https://auth.example.com":              "https://auth.example.com",
		"HTTPS://Auth.Example.COM":              "https://auth.example.com",
		"https://auth.example.com.":             "https://auth.example.com",
		"http://localhost.:8080/":               "http://localhost:8080",
		"https://auth.example.com:443":          "https://auth.example.com",
		"https://auth.example.com:":             "https://auth.example.com",
		"https://auth.example.com:8443//":       "https://auth.example.com:8443",
		"https://auth.example.com/sub/../auth/": "https://auth.example.com/auth",
		"https://auth.example.com/./Auth":       "https://auth.example.com/Auth",
		"https://xn--bcher-kva.example":         "https://xn--bcher-kva.example",
		"http://localhost:8080":                 "http://localhost:8080",
		"http://LOCALHOST:80/":                  "http://localhost",
		"http://127.8.9.10":                     "http://127.8.9.10",
		"http://[::1]:8080/":                    "http://[::1]:8080",
		"https://[2001:DB8::1]:443":             "https://[2001:db8::1]",
	} {
		s, err := Open(text, Settings{})
		if err != nil || s.server.String() != want {
			t.Errorf("%s: %v, %v; want %s", text, s, err, want)
		}
	}
}

var wrongAddresses = []string{
	"", "auth.example.com", "auth.example.com:443", "//auth.example.com", "/auth", "https://", "https:///auth",
	"https:auth.example.com",
	"ftp://auth.example.com", "ws://auth.example.com", "https://ada@auth.example.com", "https://ada:p@auth.example.com",
	"https://auth.example.com?x=1", "https://auth.example.com?", "https://auth.example.com#top",
	"https://auth.example.com#",
	"https://auth.example.com:0", "https://auth.example.com:99999", "https://auth.example.com:http",
	"https://auth example.com",
	"https://bücher.example", " https://auth.example.com", "https://auth.example.com\n", "https://[::1",
	"https://auth.example.com/%zz",
	"http://auth.example.com", "http://192.168.1.20:8080", "http://10.0.2.2", "http://0.0.0.0",
	"http://localhost.example.com",
	"http://127.0.0.1.example.com", "http://[::]", "http://[fe80::1]", "https://auth..example.com", "https://.example.com", "https://auth.example.com..", "http://2130706433", "http://127.1",
}

func TestOpen_aMistakeInAnAddressIsAnError(t *testing.T) {
	for _, text := range wrongAddresses {
		if s, err := NewSession(text); err == nil {
			t.Errorf("%q is taken: %v", text, s)
		}
		if _, err := Open("https://auth.example.com", Settings{Origins: []string{text}}); err == nil {
			t.Errorf("the origin %q is taken", text)
		}
	}
	if _, err := Open("https://auth.example.com", Settings{Origins: []string{"https://api.example.com/v1"}}); err == nil {
		t.Error("an origin with a path is taken")
	}
	if _, err := NewSession("https://auth.example.com", WithBaseURL("http://elsewhere.example")); err == nil {
		t.Error("another address is taken by WithBaseURL")
	}
	_, err := NewSession("https://ada:secret@auth.example.com/%zz")
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

func TestOpen_takesPlainHTTPByName(t *testing.T) {
	_, err := NewSession("http://192.168.1.20:8080", WithInsecureHTTP(), WithHTTPClient(http.DefaultClient))
	must(t, err)
	_, err = Open("http://192.168.1.20:8080", Settings{InsecureHTTP: true, Origins: []string{"http://192.168.1.20:9000"}})
	must(t, err)
	if _, err := NewSession("ftp://192.168.1.20", WithInsecureHTTP()); err == nil {
		t.Error("ftp is taken")
	}
}

// The spelling of an address plays no role for what is done with answers and tokens.
func TestSession_worksWithAnySpellingOfItsAddress(t *testing.T) {
	server := newAccounts(t)
	port := server.URL[strings.LastIndex(server.URL, ":"):]
	local := "http://127.0.0.1" + port
	for _, text := range []string{"http://LOCALHOST" + port, "HTTP" + local[4:] + "/", local + "/sub/..", local + "/auth/"} {
		s, err := NewSession(text)
		must(t, err)
		must(t, signIn(t, s, "ada"))
		must(t, s.Refresh(t.Context()))
		server.requests()
		must(t, get(t, s, strings.ReplaceAll(strings.ToLower(text), "/sub/..", "")))
		if got := server.requests(); len(got) != 1 || !strings.HasSuffix(got[0], "ada") {
			t.Errorf("%s: sent %q", text, got)
		}
	}
}
