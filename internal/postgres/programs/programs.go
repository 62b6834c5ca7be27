// Package programs finds PostgreSQL's server programs (initdb, postgres) for `latchkey dev` and
// for tests, and fetches them where none are installed. `latchkey serve` never uses it.
package programs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// Settings say where the server programs come from.
type Settings struct {
	Dir     string `env:"PG_BIN" doc:"Directory of PostgreSQL's server programs (initdb, postgres), if they are not found automatically. latchkey dev and tests only."`
	Fetch   bool   `env:"LATCHKEY_POSTGRES_FETCH" default:"true" doc:"Download PostgreSQL from Maven Central if none is installed: about 15 MB on Linux, 33 MB on macOS, checked against a SHA-256 in the source. latchkey dev and tests only; latchkey serve never downloads it."`
	Mirror  string `env:"LATCHKEY_POSTGRES_MIRROR" secret:"url" doc:"Address of another Maven repository to fetch PostgreSQL from, for closed networks: http, https or file. Default: Maven Central."`
	Version string `env:"LATCHKEY_POSTGRES_VERSION" doc:"15, 16, 17 or 18: download this PostgreSQL, whatever is installed. Default: an installed one, or else the newest. latchkey dev and tests only."`
	Cache   string `env:"LATCHKEY_POSTGRES_CACHE" doc:"Directory for the downloaded PostgreSQL (60 MB). Default: latchkey/postgres in the user's cache directory, /var/tmp/latchkey-postgres for root."`
}

// Check reports what is wrong with the settings.
func (s Settings) Check() []error {
	var wrong []error

	if s.Version != "" && !slices.Contains(majors, s.Version) {
		wrong = append(wrong, errors.New("LATCHKEY_POSTGRES_VERSION: want 15, 16, 17 or 18"))
	}

	if _, err := s.repository(); err != nil {
		wrong = append(wrong, err)
	}

	return wrong
}

// ErrNotFound says that the server programs are neither installed nor fetched.
var ErrNotFound = errors.New("PostgreSQL's server programs were not found.\n" +
	"  Debian, Ubuntu:  apt-get install postgresql\n" +
	"  Fedora:          dnf install postgresql-server\n" +
	"  Alpine:          apk add postgresql\n" +
	"  macOS:           brew install postgresql@17\n" +
	"  elsewhere:       set PG_BIN to the directory that contains initdb and postgres,\n" +
	"                   or DATABASE_URL to a running server")

// Find returns the directory that contains initdb and postgres. It looks at Settings.Dir, then at
// installed packages, then into the cache, and then fetches; with Settings.Version it skips the
// installed ones. It writes to progress what it does when that takes longer than a moment.
//
// The error says what to type next. It is ctx's error when ctx ends.
func Find(ctx context.Context, s Settings, progress io.Writer) (string, error) {
	if wrong := s.Check(); len(wrong) > 0 {
		return "", errors.Join(wrong...)
	}

	if s.Dir != "" {
		if !hasPrograms(s.Dir) {
			return "", fmt.Errorf("PG_BIN: %s does not contain initdb and postgres. %w", s.Dir, ErrNotFound)
		}

		return s.Dir, nil
	}

	if s.Version == "" {
		if dir, ok := findInstalled(packagePlaces); ok {
			return dir, nil
		}
	}

	wanted, ok := choose(platform(), s.Version)
	if !ok {
		return "", fmt.Errorf("no archive of PostgreSQL %s exists for %s. %w", s.Version, platform(), ErrNotFound)
	}

	return findFetched(ctx, s, wanted, progress)
}

// FromLookup reads the settings by a function such as os.Getenv, for tests and tools that do not
// read all of Latchkey's settings.
func FromLookup(get func(name string) string) Settings {
	return Settings{
		Dir:     get("PG_BIN"),
		Fetch:   get("LATCHKEY_POSTGRES_FETCH") != "false",
		Mirror:  get("LATCHKEY_POSTGRES_MIRROR"),
		Version: get("LATCHKEY_POSTGRES_VERSION"),
		Cache:   get("LATCHKEY_POSTGRES_CACHE"),
	}
}

func hasPrograms(dir string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return false
		}
	}

	return true
}
