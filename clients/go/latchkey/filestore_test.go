package latchkey

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func fileStore(t *testing.T) *FileStore {
	t.Helper()

	// Not t.TempDir: a session may still write to it while its test ends.
	dir, err := os.MkdirTemp("", "latchkey-client-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		within(t, "the folder is removed", func() bool { return os.RemoveAll(dir) == nil })
	})

	store, err := NewFileStore(filepath.Join(dir, "new", "folder"))
	if err != nil {
		t.Fatal(err)
	}

	return store
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestFileStore_keepsSlotsApartAndForItsOwner(t *testing.T) {
	store := fileStore(t)
	for slot := SlotA; slot <= SlotSignOut3; slot++ {
		must(t, store.Write(slot, []byte(slot.name())))
	}

	must(t, store.Write(SlotA, []byte("again")))
	must(t, store.Write(SlotB, nil))
	must(t, store.Write(SlotB, nil)) // emptied already
	must(t, store.Probe())

	for slot, want := range map[Slot]string{SlotA: "again", SlotB: "", SlotSignOut: "sign-out", SlotDevice: "device"} {
		if got, err := store.Read(slot); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", slot.name(), got, err)
		}
	}

	must(t, filepath.WalkDir(store.dir, func(path string, _ fs.DirEntry, err error) error {
		must(t, err)
		info, err := os.Stat(path)
		must(t, err)

		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %s", path, info.Mode())
		}
		if strings.Contains(path, ".new") || strings.HasSuffix(path, "probe") {
			t.Errorf("left behind: %s", path)
		}
		return nil
	}))
}

func TestFileStore_aFailureToReadIsNoAbsence(t *testing.T) {
	store := fileStore(t)
	must(t, os.Mkdir(filepath.Join(store.dir, "slot-0"), 0o700)) // reads as EISDIR, for root too
	if text, err := store.Read(SlotA); err == nil {
		t.Errorf("read %q", text)
	}
	gone := &FileStore{filepath.Join(store.dir, "gone")}
	if err := gone.Probe(); err == nil {
		t.Error("a directory that is not there can be read")
	}
}

// locks tries the lock for a moment: one that is free is had at once.
func locks(t *testing.T, store Store) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	unlock, err := store.Lock(ctx, LockRefresh)
	if err == nil {
		unlock()
	}
	return err
}

func TestFileStore_lockIsHeldByOneAndGivenUpWithTheContext(t *testing.T) {
	store := fileStore(t)
	unlock, err := store.Lock(t.Context(), LockRefresh)
	must(t, err)
	other, err := store.Lock(t.Context(), LockWrite) // another lock
	must(t, err)
	other()
	if err := locks(t, store); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("taken twice: %v", err)
	}
	unlock()
	again, err := store.Lock(t.Context(), LockRefresh)
	must(t, err)
	again()
}

// TestMain lets this program be the process that is killed while it holds a lock.
func TestMain(m *testing.M) {
	if dir := os.Getenv("LATCHKEY_TEST_HOLD"); dir != "" {
		if _, err := (&FileStore{dir}).Lock(context.Background(), LockRefresh); err == nil {
			_, _ = os.Stdout.WriteString("held\n")
		}

		// Until it is killed, or its parent ends. An empty select would end a program without cgo:
		// no goroutine of it could go on.
		_, _ = io.Copy(io.Discard, os.Stdin)

		return
	}
	os.Exit(m.Run())
}

func TestFileStore_lockOfAKilledProcessIsFree(t *testing.T) {
	store := fileStore(t)
	holder := exec.Command(os.Args[0])
	holder.Env = append(os.Environ(), "LATCHKEY_TEST_HOLD="+store.dir)
	_, err := holder.StdinPipe() // stays open
	must(t, err)
	out, err := holder.StdoutPipe()
	must(t, err)
	must(t, holder.Start())
	_, err = out.Read(make([]byte, 5)) // it has the lock
	must(t, err)
	if err := locks(t, store); err == nil {
		t.Fatal("the other process does not hold the lock")
	}
	must(t, holder.Process.Kill())
	_ = holder.Wait() // killed
	unlock, err := store.Lock(t.Context(), LockRefresh)
	must(t, err)
	unlock()
}

func TestMemoryStore_lockIsHeldByOne(t *testing.T) {
	store := &MemoryStore{}
	unlock, err := store.Lock(t.Context(), LockRefresh)
	must(t, err)
	if err := locks(t, store); err == nil {
		t.Error("taken twice")
	}
	unlock()
	must(t, locks(t, store))
}
