package latchkey

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// withDevice is the answer of a completed sign-in that hands out a device token.
func withDevice(token string) string {
	return strings.Replace(in, `"access_token"`, `"device_token":"`+token+`","access_token"`, 1)
}

// deviceServer is a server that hands out device tokens, and notes which ones it gets.
type deviceServer struct {
	*peer
	mu      sync.Mutex
	sent    map[string][]string // by method and end of the path
	token   string              // the next one that it hands out
	onLogin func()
}

func newDeviceServer(t *testing.T) *deviceServer {
	t.Helper()
	s := &deviceServer{sent: map[string][]string{}, token: "lkdt_one"}
	s.peer = newPeer(t, s.answer)

	return s
}

func (s *deviceServer) answer(w http.ResponseWriter, r *http.Request) {
	name := r.Method + " " + r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	s.mu.Lock()
	s.sent[name] = append(s.sent[name], r.Header.Get(deviceHeader))
	body, onLogin := withDevice(s.token), s.onLogin
	s.mu.Unlock()

	w.Header().Set("Content-Type", "application/json")
	switch name {
	case "POST login":
		if onLogin != nil {
			onLogin()
		}
		_, _ = io.WriteString(w, body)
	case "POST refresh":
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"status":400,"errors":[{"code":"account_deleted","message":"Over."}]}`)
	case "DELETE session":
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, nobodysTurn)
	default:
		_, _ = io.WriteString(w, `{"status":200,"data":[]}`)
	}
}

// logins are the device tokens that sign-ins sent.
func (s *deviceServer) logins() []string {
	s.mu.Lock()
	defer s.mu.Unlock()

	return slices.Clone(s.sent["POST login"])
}

func TestDevice_isSentByLaterSignInsAlsoAfterASignOutAndByNothingElse(t *testing.T) {
	server := newDeviceServer(t)
	store := fileStore(t)
	s, err := Open(server.URL, Settings{Store: store})
	must(t, err)

	_, err = s.SignIn(t.Context(), "ada@example.com", "secret")
	must(t, err)
	_, err = s.API().ListEmailAddressesWithResponse(t.Context())
	must(t, err)
	_, err = s.API().GetSession(t.Context())
	must(t, err)
	must(t, s.SignOut(t.Context()))

	again, err := Open(server.URL, Settings{Store: store}) // the next run
	must(t, err)
	_, err = again.plain.RefreshToken(t.Context(), &RefreshTokenParams{}, RefreshTokenRequest{Refresh: "x"})
	must(t, err)
	_, err = again.SignIn(t.Context(), "ada@example.com", "secret")
	must(t, err)

	if got := server.logins(); !slices.Equal(got, []string{"", "lkdt_one"}) {
		t.Errorf("the sign-ins sent %q", got)
	}
	server.mu.Lock()
	defer server.mu.Unlock()
	for name, tokens := range server.sent {
		if name != "POST login" && strings.Join(tokens, "") != "" {
			t.Errorf("%s sent %q", name, tokens)
		}
	}
}

func TestDevice_isThatOfTheLastSignIn(t *testing.T) {
	server := newDeviceServer(t)
	s, err := NewSession(server.URL)
	must(t, err)

	signIn := func() {
		t.Helper()
		_, err := s.SignIn(t.Context(), "ada@example.com", "secret")
		must(t, err)
	}
	signIn()
	must(t, s.SignOut(t.Context()))
	server.mu.Lock()
	server.token = "lkdt_two"
	server.mu.Unlock()
	_, err = s.API().LoginWithResponse(t.Context(), LoginRequest{Email: "eve@example.com", Password: "secret"})
	must(t, err)
	must(t, s.SignOut(t.Context()))
	signIn()

	if got := server.logins(); !slices.Equal(got, []string{"", "lkdt_one", "lkdt_two"}) {
		t.Errorf("the sign-ins sent %q", got)
	}
}

// The device token of a sign-in that came too late belongs to nobody who uses this store.
func TestDevice_ofASignInThatCameTooLateIsNotKept(t *testing.T) {
	server := newDeviceServer(t)
	s, err := NewSession(server.URL)
	must(t, err)

	server.mu.Lock()
	server.onLogin = func() { must(t, s.SignOut(t.Context())) }
	server.mu.Unlock()
	if _, err := s.SignIn(t.Context(), "ada@example.com", "secret"); !errors.Is(err, ErrNothingPending) {
		t.Errorf("got %v", err)
	}
	if got := s.storedDevice(); got != "" {
		t.Errorf("the store holds %q", got)
	}
}

func TestDevice_isRemovedWithADeletedAccount(t *testing.T) {
	server := newDeviceServer(t)
	s := signedIn(t, server.URL, Settings{})
	s.keepDevice("lkdt_one")

	var out *SignedOutError
	if err := s.Refresh(t.Context()); !errors.As(err, &out) || out.Reason != "account_deleted" {
		t.Errorf("got %v", err)
	}
	if text, err := s.store.Read(SlotDevice); err != nil || len(text) > 0 {
		t.Errorf("the store holds %q, %v", text, err)
	}
}

// Neither what is found in the store nor what a server hands out can make sign-ins fail.
func TestDevice_thatFitsIntoNoHeaderIsLeftOut(t *testing.T) {
	for name, text := range map[string]string{
		"a line break": "lkdt_one\n", "a blank": "lkdt one", "a control character": "lkdt_\x00", "beyond ASCII": "lkdt_é",
		"too long": strings.Repeat("x", 257), "nothing": "",
	} {
		t.Run(name, func(t *testing.T) {
			server := newDeviceServer(t)
			store := &MemoryStore{}
			must(t, store.Write(SlotDevice, []byte(text)))
			s, err := Open(server.URL, Settings{Store: store})
			must(t, err)

			_, err = s.SignIn(t.Context(), "ada@example.com", "secret")
			must(t, err)
			s.keepDevice(text)

			if got := server.logins(); !slices.Equal(got, []string{""}) {
				t.Errorf("the sign-in sent %q", got)
			}
			if got := s.storedDevice(); got != "lkdt_one" {
				t.Errorf("the store holds %q", got)
			}
		})
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

func TestDevice_aStoreThatCannotKeepItStopsNoSignIn(t *testing.T) {
	server := newDeviceServer(t)
	s, err := Open(server.URL, Settings{Store: &brokenDevice{}})
	must(t, err)
	if _, err := s.SignIn(t.Context(), "ada@example.com", "secret"); err != nil {
		t.Error(err)
	}
}

// The name of the device goes with what signs in, and with nothing else.
func TestDevice_nameGoesWithSignIns(t *testing.T) {
	var mu sync.Mutex
	names := map[string]string{}
	server := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		names[r.Method+" "+r.URL.Path[strings.LastIndex(r.URL.Path, "/v1/")+4:]] = r.Header.Get(nameHeader)
		mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, in)
	})
	s, err := Open(server.URL, Settings{DeviceName: "Ada’s laptop"})
	must(t, err)
	_, err = s.SignInWith(t.Context(), LoginRequest{Phone: "+31612345678", Password: "secret"})
	must(t, err)
	_, err = s.SignUpWith(t.Context(), SignupRequest{Username: "ada", Password: "secret"})
	must(t, err)
	_, err = s.API().ListEmailAddresses(t.Context())
	must(t, err)

	mu.Lock()
	defer mu.Unlock()
	for name, want := range map[string]string{"auth/login": "Ada’s laptop", "auth/signup": "Ada’s laptop"} {
		if got := names["POST "+name]; got != want {
			t.Errorf("%s sent %q, want %q", name, got, want)
		}
	}
	if got := names["GET account/email"]; got != "" {
		t.Errorf("a call of the signed-in user sent %q", got)
	}
}

func TestOpen_refusesADeviceNameThatNobodyTakes(t *testing.T) {
	for _, name := range []string{strings.Repeat("é", 65), "two\nlines", "\x00", "\xff"} {
		if _, err := Open("https://auth.example.com", Settings{DeviceName: name}); err == nil {
			t.Errorf("%q is taken", name)
		}
	}
	if _, err := Open("https://auth.example.com", Settings{DeviceName: strings.Repeat("é", 64)}); err != nil {
		t.Error(err)
	}
}
