package app

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/latchkey-auth/latchkey/internal/moving"
)

// verify compares the database with a file.
func (c importCommand) verify(sh *shell, m *moving.Mover, in io.Reader, progress *progress) error {
	shown := 0
	options := moving.Options{Accepted: c.Accept, Progress: progress.show}
	found, err := m.Verify(sh.ctx, in, options, func(d moving.Difference) error {
		shown++
		if isTooMany := shown > shownConflicts && !sh.json; isTooMany {
			return nil
		}
		progress.end()

		return sh.print(d, differenceText(d))
	})
	progress.end()
	var differences *moving.DifferencesError
	if err != nil && !errors.As(err, &differences) {
		return err
	}
	if printed := sh.print(found, verificationText(found)); printed != nil {
		return printed
	}

	return err
}

func differenceText(d moving.Difference) string {
	return conflictText(moving.Conflict{Line: d.Line, Kind: "difference", User: d.User, Member: d.Member, Problem: d.Problem})
}

func verificationText(v *moving.Verification) string {
	var out strings.Builder
	_, _ = fmt.Fprintf(&out, "users: %d in the file, %d in the database\nsessions: %d in the file, %d in the database\n", v.Users, v.UsersHere, v.Sessions, v.SessionsHere)
	for _, name := range slices.Sorted(maps.Keys(v.Notices)) {
		_, _ = fmt.Fprintf(&out, "%s: %d\n", name, v.Notices[name])
	}
	_, _ = fmt.Fprintf(&out, "digest of the file:     %s\ndigest of the database: %s\ndifferences: %d", v.FileDigest, v.DatabaseDigest, v.Differences)

	return out.String()
}
