package programs

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// installation makes directories with the named programs and returns their parent.
func installation(t *testing.T, content map[string][]string) string {
	t.Helper()

	parent := t.TempDir()

	for dir, names := range content {
		if err := os.MkdirAll(filepath.Join(parent, dir), 0o700); err != nil {
			t.Fatal(err)
		}

		for _, name := range names {
			if err := os.WriteFile(filepath.Join(parent, dir, name), nil, 0o700); err != nil {
				t.Fatal(err)
			}
		}
	}

	return parent
}

func TestFindInstalled(t *testing.T) {
	all := []string{"initdb", "postgres"}
	parent := installation(t, map[string][]string{
		"9/bin": all, "14/bin": all, "15/bin": all, "16/bin": all,
		"17/bin": {"postgres"}, // only a part
		"path":   all,
	})

	for name, row := range map[string]struct{ pattern, path, want string }{
		"the newest that is complete": {"*/bin", "path", "16/bin"},
		"or else what PATH names":     {"nothing/*", "path", "path"},
		"no version before 15":        {"[19]*4/bin", "empty", ""},
		"nothing":                     {"nothing/*", "empty", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PATH", filepath.Join(parent, row.path))

			got, ok := findInstalled([]string{filepath.Join(parent, row.pattern)})
			want := ""
			if row.want != "" {
				want = filepath.Join(parent, row.want)
			}

			if got != want || ok != (want != "") {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestFind_takesPG_BINFirstAndSaysWhereItIsWrong(t *testing.T) {
	parent := installation(t, map[string][]string{"good": {"initdb", "postgres"}, "bad": {"postgres"}})

	got, err := Find(t.Context(), Settings{Dir: filepath.Join(parent, "good"), Version: "16"}, io.Discard)
	if err != nil || got != filepath.Join(parent, "good") {
		t.Errorf("got %q (%v), want the directory that PG_BIN names", got, err)
	}

	_, err = Find(t.Context(), Settings{Dir: filepath.Join(parent, "bad")}, io.Discard)
	if !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "PG_BIN") || !strings.Contains(err.Error(), "apt-get install postgresql") {
		t.Errorf("PG_BIN without initdb: got %v", err)
	}
}

func TestSettings_wrongOnesAreNamed(t *testing.T) {
	for name, s := range map[string]Settings{
		"LATCHKEY_POSTGRES_VERSION": {Version: "14"},
		"LATCHKEY_POSTGRES_MIRROR":  {Mirror: "ftp://ada:s3cr3t@example.com"},
	} {
		_, err := Find(t.Context(), s, io.Discard)
		if err == nil || !strings.HasPrefix(err.Error(), name) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestChoose_everyPlatformHasAnArchive(t *testing.T) {
	for _, platform := range []string{"linux-amd64", "linux-arm64v8", "linux-amd64-alpine", "linux-arm64v8-alpine", "darwin-amd64", "darwin-arm64v8"} {
		newest, ok := choose(platform, "")
		if !ok {
			t.Errorf("%s: no archive", platform)
			continue
		}

		for _, major := range majors {
			a, ok := choose(platform, major)
			if platform != "linux-arm64v8-alpine" && !ok {
				t.Errorf("%s: no PostgreSQL %s", platform, major)
			}
			if ok && (a.major() != major || len(a.sum) != 64 || a.size < 1e6 || a.major() > newest.major()) {
				t.Errorf("%s: %+v", platform, a)
			}
		}
	}

	if _, ok := choose("plan9-386", ""); ok {
		t.Error("an archive for a platform that has none")
	}
}
