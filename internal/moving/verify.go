package moving

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/moving/format"
	"github.com/latchkey-auth/latchkey/internal/password"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/userid"
)

// Difference is what the database has and the file does not, or the other way round.
type Difference struct {
	Line    int64  `json:"line"`
	User    string `json:"user,omitempty"`
	Member  string `json:"member,omitempty"`
	Problem string `json:"problem"`
}

// Verification is what a comparison found. The digests are those of the lines in the form in which they are
// stored: once computed from the file, and once from the database.
type Verification struct {
	Mode           Mode             `json:"mode"`
	Source         string           `json:"source"`
	Users          int64            `json:"users"`
	UsersHere      int64            `json:"users_here"`
	Sessions       int64            `json:"sessions"`
	SessionsHere   int64            `json:"sessions_here"`
	FileDigest     string           `json:"file_digest"`
	DatabaseDigest string           `json:"database_digest"`
	Differences    int64            `json:"differences"`
	Notices        map[string]int64 `json:"notices"`
}

// DifferencesError says that the database is not what the file says.
type DifferencesError struct{ Count int64 }

// Error counts them.
func (e *DifferencesError) Error() string {
	return fmt.Sprintf("%d differences between the file and the database", e.Count)
}

// verifying compares a file with the database.
type verifying struct {
	reading
	out                  *Verification
	show                 func(Difference) error
	fileSum, databaseSum format.Digest
}

// Verify compares a file with the database, and changes nothing. It returns a *DifferencesError where they
// differ. show is called for each difference.
func (m *Mover) Verify(ctx context.Context, in io.Reader, options Options, show func(Difference) error) (*Verification, error) {
	v := &verifying{
		reading: reading{Mover: m, head: &format.Head{}, accepted: options.Accepted, report: newReport("verify"), now: m.DB.Now()},
		out:     &Verification{Mode: "verify", Notices: map[string]int64{}}, show: show,
	}
	r := format.NewReader(in)
	err := m.DB.Snapshot(ctx, func(tx postgres.Tx) error {
		err := v.eachBatch(r, func(batch []format.Line) error {
			if options.Progress != nil {
				options.Progress(Progress{Step: "reading", Bytes: r.Bytes()})
			}
			if err := v.compareUsers(ctx, tx, batch); err != nil {
				return err
			}

			return v.compareSessions(ctx, tx, batch)
		})
		if err != nil || !v.head.IsComplete() {
			return err
		}

		imported, err := tx.CountImportedUsers(ctx)
		if err == nil && imported > v.out.Users {
			err = v.differ(Difference{Problem: fmt.Sprintf("%d users were imported, but the file has %d", imported, v.out.Users)})
		}

		return err
	})
	v.out.FileDigest, v.out.DatabaseDigest = v.fileSum.String(), v.databaseSum.String()
	if err == nil && v.out.Differences > 0 {
		err = &DifferencesError{v.out.Differences}
	}

	return v.out, err
}

func (v *verifying) differ(d Difference) error {
	v.out.Differences++

	return v.show(d)
}

// eachBatch calls do for batches of the lines of users and sessions.
func (v *verifying) eachBatch(r *format.Reader, do func([]format.Line) error) error {
	var batch []format.Line
	var done int64
	for {
		line, err := r.Next()
		var wrong *format.LineError
		switch {
		case errors.As(err, &wrong):
			err := v.differ(Difference{Line: int64(wrong.Line), User: string(wrong.User), Member: wrong.Member, Problem: wrong.Problem})
			if err != nil {
				return err
			}
		case errors.Is(err, io.EOF):
			return do(batch)
		case err != nil:
			return errors.Join(ErrSource, err)
		case line.Head != nil:
			v.head, v.out.Source = line.Head, line.Head.Source
		case line.User != nil, line.Session != nil:
			batch = append(batch, line)
		}

		isFull := len(batch) >= stageLines || r.Bytes()-done >= stageBytes
		if !isFull {
			continue
		}
		done = r.Bytes()
		if err := do(batch); err != nil {
			return err
		}
		batch = batch[:0]
	}
}

func (v *verifying) compareUsers(ctx context.Context, tx postgres.Tx, batch []format.Line) error {
	s := staging{reading: v.reading}
	known, err := s.look(ctx, tx, batch)
	if err != nil {
		return err
	}
	var ids []int64
	for _, u := range known.users {
		ids = append(ids, u.ID)
	}
	rows, err := tx.ListUsersToCompare(ctx, ids)
	if err != nil {
		return err
	}
	users, err := v.dump(ctx, tx, rows)
	if err != nil {
		return err
	}

	for _, line := range batch {
		if line.User == nil {
			continue
		}
		v.out.Users++
		found, isHere := known.users[string(line.User.ID)]
		if !isHere {
			v.fileSum.Add(line.Sum)
			if err := v.differ(Difference{int64(line.Number), string(line.User.ID), "", "is not in the database"}); err != nil {
				return err
			}
			continue
		}
		v.out.UsersHere++
		if err := v.compareUser(line, users[found.ID]); err != nil {
			return err
		}
	}

	return nil
}

// compareUser compares a user with its line, in the form in which it is stored.
func (v *verifying) compareUser(line format.Line, here *stored) error {
	given := *line.User
	if given.CreatedAt.IsZero() {
		given.CreatedAt = here.CreatedAt
	}
	line.User = &given
	p := v.record(line)
	v.found = v.found[:0]
	want := p.User
	v.fill(&want, here)

	paths, err := v.add(&want, &here.User)
	if err != nil {
		return err
	}
	isOff := want.TOTP != nil && here.TOTP != nil && want.TOTP.LastUsedAt.Equal(here.TOTP.LastUsedAt.Time) && v.spentStep(want.TOTP) != here.spent
	if isOff {
		v.databaseSum.Add(sha256.Sum256([]byte("another step")))
		paths = append(paths, "totp.last_used_at")
	}
	for _, path := range paths {
		if err := v.differ(Difference{int64(line.Number), string(want.ID), path, "is another one in the database"}); err != nil {
			return err
		}
	}

	return nil
}

// add adds both lines to their digests, and returns the members in which they differ.
func (v *verifying) add(want, here any) ([]string, error) {
	var texts [2]any
	for i, line := range []any{want, here} {
		text, err := format.Encode(line)
		if err != nil {
			return nil, err
		}
		sum, err := format.Sum(line)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			v.fileSum.Add(sum)
		} else {
			v.databaseSum.Add(sum)
		}
		if err := json.Unmarshal(text, &texts[i]); err != nil {
			return nil, err
		}
	}

	return differing("", texts[0], texts[1]), nil
}

// fill sets what the file leaves to the import: it cannot differ.
func (v *verifying) fill(want *format.User, here *stored) {
	if len(want.WebAuthnHandle) == 0 {
		want.WebAuthnHandle = here.WebAuthnHandle
	}
	want.PasswordHook = want.PasswordHook && want.Password == ""
	switch {
	case want.Password == "" || here.Password == "":
	case v.Gate.IsStoredAs(want.Password, here.Password):
		want.Password = here.Password
	case password.IsOwn(here.Password) && !password.IsOwn(want.Password):
		v.out.Notices["passwords_stored_anew"]++
		want.Password = here.Password
	}
	for i, t := range want.Tenants {
		want.Tenants[i].ID = format.ID(tenantID(t.ID).String())
	}

	fillIDs(want, here)
	sortLists(want)
}

// fillIDs takes the ids of factors that the import has chosen, since those of the file cannot be ids here.
func fillIDs(want *format.User, here *stored) {
	keep := func(id format.ID, theirs format.ID) format.ID {
		if _, isID := authenticatorID(id); isID {
			return id
		}
		return theirs
	}
	if want.TOTP != nil && here.TOTP != nil {
		want.TOTP.ID = keep(want.TOTP.ID, here.TOTP.ID)
	}
	if want.RecoveryCodes != nil && here.RecoveryCodes != nil {
		want.RecoveryCodes.ID = keep(want.RecoveryCodes.ID, here.RecoveryCodes.ID)
	}
	for i, c := range want.WebAuthn {
		if i < len(here.WebAuthn) {
			want.WebAuthn[i].ID = keep(c.ID, here.WebAuthn[i].ID)
		}
	}
}

// differing lists the members in which two JSON values differ.
func differing(path string, a, b any) []string {
	switch x := a.(type) {
	case map[string]any:
		y, isObject := b.(map[string]any)
		if !isObject {
			return []string{path}
		}
		return differingMembers(path, x, y)
	case []any:
		y, isList := b.([]any)
		if !isList || len(x) != len(y) {
			return []string{path}
		}
		var list []string
		for i := range x {
			list = append(list, differing(fmt.Sprintf("%s[%d]", path, i), x[i], y[i])...)
		}
		return list
	}
	if a == b {
		return nil
	}

	return []string{path}
}

func differingMembers(path string, x, y map[string]any) []string {
	names := map[string]bool{}
	for name := range x {
		names[name] = true
	}
	for name := range y {
		names[name] = true
	}

	var list []string
	for name := range names {
		inner := name
		if path != "" {
			inner = path + "." + name
		}
		one, hasOne := x[name]
		other, hasOther := y[name]
		if hasOne != hasOther {
			list = append(list, inner)
			continue
		}
		list = append(list, differing(inner, one, other)...)
	}
	slices.Sort(list)

	return list
}

func (v *verifying) compareSessions(ctx context.Context, tx postgres.Tx, batch []format.Line) error {
	var hashes [][]byte
	for _, line := range batch {
		if line.Session != nil {
			hashes = append(hashes, line.Session.TokenSHA256)
		}
	}
	if len(hashes) == 0 {
		return nil
	}

	rows, err := tx.ListSessionsByToken(ctx, hashes)
	if err != nil {
		return err
	}
	known := map[string]db.ListSessionsByTokenRow{}
	var ids []uuid.UUID
	for _, row := range rows {
		known[string(row.TokenHash)] = row
		ids = append(ids, row.ID)
	}
	tokens, err := refreshTokens(ctx, tx, ids, v.now)
	if err != nil {
		return err
	}
	disabled, err := disabledOf(ctx, tx, batch)
	if err != nil {
		return err
	}

	for _, line := range batch {
		if line.Session == nil {
			continue
		}
		v.out.Sessions++
		row, isHere := known[string(line.Session.TokenSHA256)]
		if isHere {
			v.out.SessionsHere++
		} else if disabled[string(line.Session.User)] {
			v.out.Notices["sessions_of_disabled_users"]++
			continue
		}
		if err := v.compareSession(line, isHere, row, tokens[row.ID]); err != nil {
			return err
		}
	}

	return nil
}

// disabledOf are the subjects of disabled users whom sessions name. Their sessions are not stored.
func disabledOf(ctx context.Context, tx postgres.Tx, batch []format.Line) (map[string]bool, error) {
	var wanted db.ListUsersBySubjectParams
	for _, line := range batch {
		if line.Session == nil {
			continue
		}
		if key, isKey := userid.ID(line.Session.User).Key(); isKey {
			wanted.Ids = append(wanted.Ids, key)
		} else {
			wanted.Subjects = append(wanted.Subjects, string(line.Session.User))
		}
	}

	users, err := tx.ListUsersBySubject(ctx, wanted)
	disabled := map[string]bool{}
	for _, u := range users {
		disabled[u.Subject] = u.IsDisabled
	}

	return disabled, err
}

// compareSession compares a session with its line. One that has been refreshed here has gone on without the
// source.
func (v *verifying) compareSession(line format.Line, isHere bool, row db.ListSessionsByTokenRow, tokens []db.ListRefreshTokensToExportRow) error {
	staged, kept, lives := v.readSession(line, 1)
	problem := ""
	switch {
	case !lives:
		v.out.Notices["sessions_ended_at_the_source"]++
		return nil
	case !isHere:
		problem = "is not in the database"
	case row.EndedAt != nil:
		problem = "has ended in the database"
	case !row.IsOfSource:
		v.out.Notices["sessions_refreshed_here"]++
		return nil
	}
	if problem != "" {
		v.fileSum.Add(line.Sum)
		return v.differ(Difference{int64(line.Number), string(line.Session.User), "", problem})
	}

	want := sessionLine(db.ListSessionsByTokenRow{
		TokenHash: staged.TokenHash, CreatedAt: staged.LastSeenAt, LastSeenAt: staged.LastSeenAt, UserAgent: staged.UserAgent,
		Address: staged.Address, Methods: staged.Methods, Subject: staged.Subject,
	}, nil)
	for _, t := range kept {
		want.Refresh = append(want.Refresh, format.Refresh{JTISHA256: t.JTIHash, ExpiresAt: format.At(t.ExpiresAt)})
	}
	sortTokens(&want)
	here := sessionLine(row, tokens)
	// With a refresh token the end is counted from the import. A session token that is used moves its own.
	end := row.RefreshExpiresAt
	if len(kept) == 0 {
		end = row.ExpiresAt
	}
	here.ExpiresAt, want.ExpiresAt = format.At(end), format.At(wantedEnd(staged, kept))

	paths, err := v.add(&want, &here)
	for _, path := range paths {
		if err := v.differ(Difference{int64(line.Number), string(want.User), path, "is another one in the database"}); err != nil {
			return err
		}
	}

	return err
}

func wantedEnd(staged db.StageSessionsParams, tokens []db.StageRefreshTokensParams) time.Time {
	if len(tokens) == 0 {
		return staged.ExpiresAt
	}

	return staged.RefreshExpiresAt
}
