package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/latchkey-auth/latchkey/clients/go/latchkey"
)

// faults are what goes wrong inside the device.
type faults struct {
	mu     sync.Mutex
	fault  string
	left   int  // of a counted fault
	count  bool // the fault ends after left operations
	point  string
	writes int // of the store, until the process dies at "after_writes"

	dirs []string        // of the stores that were started
	lost map[string]bool // paths of slots that can never be read again
	soon bool            // the next store that is started is lost
}

// slotNames are the files of the slots.
var slotNames = [...]string{"slot-0", "slot-1", "sign-out", "device", "sign-out-1", "sign-out-2", "sign-out-3"}

// found notes a store that a client is started on.
func (f *faults) found(dir string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dirs = append(f.dirs, dir)
	if f.soon {
		f.soon = false
		f.lose(dir)
	}
}

// loseKey makes all that is stored unreadable for good; f.mu is held.
func (f *faults) loseKey() {
	f.soon = len(f.dirs) == 0
	for _, dir := range f.dirs {
		f.lose(dir)
	}
}

func (f *faults) lose(dir string) {
	if f.lost == nil {
		f.lost = map[string]bool{}
	}
	for _, name := range slotNames {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			f.lost[path] = true
		}
	}
}

// isLost reports whether a slot can never be read again.
func (f *faults) isLost(path string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()

	return f.lost[path]
}

// replaced notes that a slot was written or emptied.
func (f *faults) replaced(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.lost, path)
}

func (f *faults) set(fault string, times int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fault == "key_lost" {
		f.loseKey()

		return
	}
	f.fault, f.left, f.count = fault, times, times > 0
}

func (f *faults) killAt(point string, writes int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.point, f.writes = point, writes
}

// wrote counts a change of the store, and ends the process at the one that it was told.
func (f *faults) wrote() {
	f.mu.Lock()
	f.writes--
	last := f.point == "after_writes" && f.writes == 0
	f.mu.Unlock()

	if last {
		die()
	}
}

// plays reports whether one of the faults strikes this operation, and which.
func (f *faults) plays(which ...string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, w := range which {
		if f.fault != w {
			continue
		}
		if f.count {
			if f.left == 0 {
				return ""
			}
			f.left--
		}
		return w
	}
	return ""
}

func (f *faults) at(point string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.point == point
}

// die ends the process as the system ends an app: without a word.
func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

var errPlayed = errors.New("the store fails, as it was told to")

// store is the client's file store with faults in front.
type store struct {
	latchkey.Store
	dir    string
	faults *faults
}

// Read implements latchkey.Store.
func (s *store) Read(slot latchkey.Slot) ([]byte, error) {
	switch s.faults.plays("locked", "not_found_while_locked", "fail_reads") {
	case "locked":
		return nil, latchkey.ErrLocked
	case "not_found_while_locked":
		return nil, nil
	case "fail_reads":
		return nil, errPlayed
	}
	if s.faults.isLost(s.path(slot)) {
		return nil, errPlayed
	}

	return s.Store.Read(slot)
}

func (s *store) path(slot latchkey.Slot) string { return filepath.Join(s.dir, slotNames[slot]) }

// Write implements latchkey.Store.
func (s *store) Write(slot latchkey.Slot, text []byte) error {
	switch s.faults.plays("locked", "not_found_while_locked", "reject_writes", "torn_write") {
	case "locked", "not_found_while_locked":
		if len(text) == 0 {
			fmt.Fprintln(os.Stderr, "conformance: delete while locked")
		}
		return latchkey.ErrLocked
	case "reject_writes":
		return errPlayed
	case "torn_write":
		_ = os.WriteFile(s.path(slot), text[:len(text)/2], 0o600) // dying anyway
		die()
	}

	if s.faults.at("after_decode") {
		die()
	}

	err := s.Store.Write(slot, text)
	if err == nil {
		s.faults.replaced(s.path(slot))
		s.faults.wrote()
	}
	if s.faults.at("after_persist") {
		die()
	}
	return err
}

// Probe implements latchkey.Store.
func (s *store) Probe() error {
	if s.faults.plays("locked", "not_found_while_locked") != "" {
		return latchkey.ErrLocked
	}
	return s.Store.Probe()
}

// Lock implements latchkey.Store.
func (s *store) Lock(ctx context.Context, lock latchkey.StoreLock) (func(), error) {
	if s.faults.plays("lock_stuck") != "" {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	return s.Store.Lock(ctx, lock)
}

// transport kills the process at a point of a refresh, or of the exchange of a session token.
type transport struct {
	faults *faults
	base   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, "/refresh") && !strings.HasSuffix(r.URL.Path, "/token/exchange") {
		return t.base.RoundTrip(r)
	}
	if t.faults.at("before_send") {
		die()
	}
	got, err := t.base.RoundTrip(r)
	if err == nil && t.faults.at("after_send") {
		die()
	}
	if err == nil {
		got.Body = &body{got.Body, t.faults}
	}
	return got, err
}

// body kills the process before its first or after its last byte.
type body struct {
	io.ReadCloser
	faults *faults
}

func (b *body) Read(p []byte) (int, error) {
	if b.faults.at("after_headers") {
		die()
	}
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) && b.faults.at("after_body") {
		die()
	}
	return n, err
}
