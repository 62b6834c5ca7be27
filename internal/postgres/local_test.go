package postgres

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFindPrograms_saysWhatToInstall(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	empty := t.TempDir()
	if _, err := findPrograms("", []string{filepath.Join(empty, "*", "bin")}); !errors.Is(err, ErrNoPostgres) {
		t.Errorf("nothing is installed: %v", err)
	}
	_, err := findPrograms(filepath.Join(empty, "nowhere"), places)
	if !errors.Is(err, ErrNoPostgres) || !strings.Contains(err.Error(), "PG_BIN") || !strings.Contains(err.Error(), "apt-get install postgresql") {
		t.Errorf("PG_BIN points nowhere: %v", err)
	}
}

func TestFindPrograms_takesTheNewestAndThenThePath(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"15/bin", "16/bin", "17/bin", "path"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		for _, program := range []string{"initdb", "postgres"} {
			if name == "17/bin" && program == "initdb" { // only the client programs
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, name, program), nil, 0o700); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Setenv("PATH", filepath.Join(dir, "path"))
	for want, places := range map[string][]string{"16/bin": {filepath.Join(dir, "*", "bin")}, "path": nil} {
		if got, err := findPrograms("", places); err != nil || got != filepath.Join(dir, want) {
			t.Errorf("%s (%v), want %s", got, err, want)
		}
	}
	if got, err := findPrograms(filepath.Join(dir, "15/bin"), places); err != nil || got != filepath.Join(dir, "15/bin") {
		t.Errorf("PG_BIN: %s (%v)", got, err)
	}
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
	first, err := StartLocal(t.Context(), dir, os.Getenv("PG_BIN"), "fsync=off")
	if err != nil {
		t.Fatal(err)
	}
	second, err := StartLocal(t.Context(), dir, os.Getenv("PG_BIN"))
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
		if _, err := StartLocal(t.Context(), dir, os.Getenv("PG_BIN")); err == nil || !strings.Contains(err.Error(), "another account") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
