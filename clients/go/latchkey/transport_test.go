package latchkey

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// peer is some host on the network: it remembers what it was sent, and answers 200.
type peer struct {
	*httptest.Server
	mu      sync.Mutex
	bearers []string
}

func newPeer(t *testing.T, answer http.HandlerFunc) *peer {
	t.Helper()
	p := &peer{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.bearers = append(p.bearers, r.Header.Get("Authorization"))
		p.mu.Unlock()
		if answer != nil {
			answer(w, r)
		}
	}))
	t.Cleanup(p.Close)

	return p
}

func (p *peer) got() string {
	p.mu.Lock()
	defer p.mu.Unlock()

	return fmt.Sprintf("%q", p.bearers)
}

// signedIn is a session at a server, without having asked it.
func signedIn(t *testing.T, url string, settings Settings) *Session {
	t.Helper()
	s, err := Open(url, settings)
	must(t, err)
	tokens := handedOut{access: token(`{"iat":0,"exp":300}`), refresh: token(`{"sid":"s"}`)}
	must(t, s.start(t.Context(), s.beginning(t.Context()), tokens))

	return s
}

func get(t *testing.T, s *Session, url string) error {
	t.Helper()
	client := &http.Client{Transport: s.Transport(nil)}
	r, err := client.Get(url)
	if err == nil {
		_ = r.Body.Close()
	}

	return err
}

func TestTransport_tokenGoesToTheServerAlone(t *testing.T) {
	stranger := newPeer(t, nil)
	server := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, stranger.URL+"/elsewhere", http.StatusTemporaryRedirect)
	})

	s := signedIn(t, server.URL, Settings{})
	must(t, get(t, s, server.URL+"/redirects"))
	must(t, get(t, s, stranger.URL+"/direct"))
	if want := fmt.Sprintf("[%q]", "Bearer "+s.Tokens().Access); server.got() != want {
		t.Errorf("the server got %s", server.got())
	}

	if stranger.got() != `["" ""]` { // twice nothing
		t.Errorf("another host got %s", stranger.got())
	}
}

func TestTransport_refusesToSendWithoutASession(t *testing.T) {
	server := newPeer(t, nil)
	s, err := NewSession(server.URL)
	must(t, err)
	var out *SignedOutError
	if err := get(t, s, server.URL+"/api"); !errors.As(err, &out) || out.Reason != "" {
		t.Errorf("got %v", err)
	}

	if server.got() != "[]" {
		t.Errorf("the server got %s", server.got())
	}
}

func TestTransport_bodyThatIsGoneIsNotRepeated(t *testing.T) {
	server := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/refresh") {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"status":200,"data":{"user":{"id":1}},"meta":{"is_authenticated":true,"access_token":"`+token(`{}`)+`","refresh_token":"`+token(`{"sid":"s"}`)+`"}}`)
			return
		}

		w.WriteHeader(http.StatusUnauthorized)
	})

	s := signedIn(t, server.URL, Settings{})
	r, err := http.NewRequest(http.MethodPost, server.URL+"/api", io.MultiReader(strings.NewReader("stream")))
	must(t, err)
	got, err := s.Transport(nil).RoundTrip(r)
	must(t, err)
	_ = got.Body.Close()
	if got.StatusCode != http.StatusUnauthorized || s.Tokens().Access != token(`{}`) {
		t.Errorf("status %d; the refresh should still have been made", got.StatusCode)
	}

	if n := len(server.bearers); n != 2 {
		t.Errorf("%d requests", n)
	}
}

func TestSession_doesNotFollowARedirectedRefresh(t *testing.T) {
	stranger := newPeer(t, nil)
	server := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, stranger.URL, http.StatusTemporaryRedirect) // 307 would send the body again
	})

	s := signedIn(t, server.URL, Settings{})
	var refused *Error
	if err := s.Refresh(t.Context()); !errors.As(err, &refused) || !refused.Undocumented {
		t.Errorf("got %v", err)
	}

	if stranger.got() != "[]" {
		t.Error("the refresh token went to another host")
	}
}
