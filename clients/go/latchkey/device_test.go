package latchkey

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// A device token is sent by later sign-ins, after a sign-out too, and nowhere else.
func TestDevice_isKeptBeyondASignOutAndSentBySignInsAlone(t *testing.T) {
	var mu sync.Mutex
	sent := map[string][]string{}
	server := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		sent[r.Method+" "+name] = append(sent[r.Method+" "+name], r.Header.Get(deviceHeader))
		mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.Method == http.MethodDelete:
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, nobodysTurn)
		case name == "login":
			_, _ = io.WriteString(w, strings.Replace(in, `"access_token"`, `"device_token":"lkdt_one","access_token"`, 1))
		default:
			_, _ = io.WriteString(w, `{"status":200,"data":[]}`)
		}
	})
	store := fileStore(t)
	s, err := Open(server.URL, Settings{Store: store})
	must(t, err)

	_, err = s.SignIn(t.Context(), "ada@example.com", "secret")
	must(t, err)
	_, err = s.API().ListEmailAddressesWithResponse(t.Context())
	must(t, err)
	must(t, s.SignOut(t.Context()))
	again, err := Open(server.URL, Settings{Store: store}) // the next run
	must(t, err)
	_, err = again.SignIn(t.Context(), "ada@example.com", "secret")
	must(t, err)

	mu.Lock()
	defer mu.Unlock()
	if got := sent["POST login"]; len(got) != 2 || got[0] != "" || got[1] != "lkdt_one" {
		t.Errorf("sign-ins sent %q", got)
	}
	for name, tokens := range sent {
		if name != "POST login" && strings.Join(tokens, "") != "" {
			t.Errorf("%s sent %q", name, tokens)
		}
	}
}

// brokenDevice is a store that cannot keep device tokens.
type brokenDevice struct{ MemoryStore }

func (b *brokenDevice) Read(slot Slot) ([]byte, error) {
	if slot == SlotDevice {
		return nil, errors.New("broken")
	}

	return b.MemoryStore.Read(slot)
}

func (b *brokenDevice) Write(slot Slot, text []byte) error {
	if slot == SlotDevice {
		return errors.New("broken")
	}

	return b.MemoryStore.Write(slot, text)
}

func TestDevice_aStoreWithoutItStopsNoSignIn(t *testing.T) {
	server := newPeer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, strings.Replace(in, `"access_token"`, `"device_token":"lkdt_one","access_token"`, 1))
	})
	s, err := Open(server.URL, Settings{Store: &brokenDevice{}})
	must(t, err)
	if _, err := s.SignIn(t.Context(), "ada@example.com", "secret"); err != nil {
		t.Error(err)
	}
}
