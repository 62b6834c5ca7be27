package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/token"
)

// keyFile makes a key file with a key, and a server that follows it.
func keyFile(t *testing.T) (*world, string) {
	t.Helper()
	w := start(t)
	path := filepath.Join(t.TempDir(), "key.pem")
	w.writeKeys(path, w.key)
	w.app, w.url = w.serve("HEADLESS_JWT_PRIVATE_KEY=", "HEADLESS_JWT_PRIVATE_KEY_FILE="+path)
	return w, path
}

func (w *world) writeKeys(path, text string) {
	w.t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		w.t.Fatal(err)
	}
}

// rotated is the key file after the next step, however early that is.
func (w *world) rotated(path string) {
	w.t.Helper()
	text, err := token.ReadKeyFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	file, err := token.ParseKeyFile(text)
	if err != nil {
		w.t.Fatal(err)
	}
	file, _, err = file.Rotate(w.clock.Now(), time.Hour)
	if err != nil {
		w.t.Fatal(err)
	}
	w.writeKeys(path, file.String())
	w.clock.Advance(31 * time.Second) // an unknown kid may be looked for again
	if err := w.app.ReloadKeys(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) kids() int {
	keys, _ := w.call("GET", jwksPath, "").wants(200).get("keys").([]any)
	return len(keys)
}

func TestSEC14_aRotationUnderLoadLosesNoRequest(t *testing.T) {
	t.Parallel()
	w, path := keyFile(t)
	w.bornGrown()
	s := w.signedUp("ada@example.com")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := s.Current(t.Context()); err != nil {
					t.Error(err)
					return
				}
				if err := s.Refresh(t.Context()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	old := s.Tokens()
	for _, want := range []int{2, 2, 1} { // added, signing, dropped
		if want == 1 { // by then every client has refreshed since the old key stopped signing
			if err := s.Refresh(t.Context()); err != nil {
				t.Error(err)
			}
		}
		w.rotated(path)
		if n := w.kids(); n != want {
			t.Errorf("%d keys published, want %d", n, want)
		}
	}
	close(stop)
	wg.Wait()
	w.call("GET", sessionPath, "", bearer(old.Access)).wants(401) // its key is gone, remembered or not
}

func TestTCHA09_aKeyFileThatIsLostOrGarbledChangesNothing(t *testing.T) {
	t.Parallel()
	w, path := keyFile(t)
	w.bornGrown()
	s := w.signedUp("ada@example.com")
	for _, text := range []string{"garbage", "", strings.Replace(w.key, "BEGIN PRIVATE", "BEGIN PUBLIC", 1)} {
		w.writeKeys(path, text)
		if err := w.app.ReloadKeys(); err == nil {
			t.Errorf("%.20q was taken for keys", text)
		}
		w.call("GET", sessionPath, "", bearer(s.Tokens().Access)).wants(200)
		if err := s.Refresh(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := s.Refresh(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestSEC16_anUnknownKeyIsLookedForBeforeATokenIsRefused(t *testing.T) {
	t.Parallel()
	w, path := keyFile(t)
	other, _, err := token.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	w.writeKeys(path, other+w.key) // the file moved on, this server has not read it yet
	newer := *w
	newer.app, newer.url = w.serve("HEADLESS_JWT_PRIVATE_KEY=", "HEADLESS_JWT_PRIVATE_KEY_FILE="+path)
	e := newer.signedUp("ada@example.com").Tokens()
	w.clock.Advance(31 * time.Second)
	w.call("GET", sessionPath, "", bearer(e.Access)).wants(200)
	w.spend(e.Refresh, "").wants(200)

	unknown := start(t)
	stranger := unknown.signedUp("ada@example.com").Tokens()
	w.clock.Advance(31 * time.Second)
	w.call("GET", sessionPath, "", bearer(stranger.Access)).wants(401) // read again, and not there
	w.spend(stranger.Refresh, "").wants(400, "refresh_token_invalid@refresh")
	w.writeKeys(path, "garbage")
	w.clock.Advance(31 * time.Second)
	w.call("GET", sessionPath, "", bearer(stranger.Access)).wants(503) // we cannot know
	w.spend(stranger.Refresh, "").wants(503)
}

func TestSEC13_aKeyFileForEverybodyIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := token.ReadKeyFile(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("%v", err)
	}
}
