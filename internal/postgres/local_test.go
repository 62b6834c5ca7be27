package postgres

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/postgres/programs"
)

// serverPrograms is the directory of PostgreSQL's server programs.
func serverPrograms(t *testing.T) string {
	t.Helper()

	bin, err := programs.Find(t.Context(), programs.FromLookup(os.Getenv), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}

	return bin
}

// long is a directory whose socket's path would be too long.
func long(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 25))
	t.Cleanup(func() { _ = os.RemoveAll(shortRoot(dir)) })
	return dir
}

func TestStartLocal_aLongDirectoryGetsATwinAndASecondCallerJoins(t *testing.T) {
	t.Parallel()
	dir := long(t)
	first, err := StartLocal(t.Context(), dir, serverPrograms(t), "fsync=off")
	if err != nil {
		t.Fatal(err)
	}
	second, err := StartLocal(t.Context(), dir, serverPrograms(t))
	if err != nil || !second.Joined() || first.Joined() || second.URL != first.URL {
		t.Fatalf("it does not join: %v", err)
	}
	if err := second.Stop(); err != nil || second.ping(t.Context()) != nil {
		t.Errorf("somebody else's server was stopped: %v", err)
	}
	if err := first.Stop(); err != nil || first.ping(t.Context()) == nil {
		t.Errorf("it does not stop: %v", err)
	}
}

func TestStartLocal_refusesATwinThatSomebodyElseMade(t *testing.T) {
	t.Parallel()
	for name, trap := range map[string]func(path string) error{
		"a link": func(path string) error { return os.Symlink(t.TempDir(), path) },
		"theirs": func(path string) error {
			if os.Geteuid() != 0 { // then nobody else's can be made
				return os.Symlink("/", path)
			}
			return errors.Join(os.Mkdir(path, 0o777), os.Chown(path, 12345, 12345))
		},
	} {
		dir := long(t)
		if err := trap(shortRoot(dir)); err != nil {
			t.Fatal(err)
		}
		if _, err := StartLocal(t.Context(), dir, serverPrograms(t)); err == nil || !strings.Contains(err.Error(), "another account") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
