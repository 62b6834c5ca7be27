package moving

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/factor"
	"github.com/latchkey-auth/latchkey/internal/moving/format"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/provider"
	"github.com/latchkey-auth/latchkey/internal/secret"
	"github.com/latchkey-auth/latchkey/internal/userid"
)

// stageLines and stageBytes are how much is copied at once: what an import needs of memory.
const (
	stageLines = 1000
	stageBytes = 2 << 20
)

// rows are those of some lines.
type rows struct {
	users          []db.StageUsersParams
	emails         []db.StageEmailsParams
	authenticators []db.StageAuthenticatorsParams
	credentials    []db.StageCredentialsParams
	providers      []db.StageProvidersParams
	memberships    []db.StageMembershipsParams
	tenants        []db.StageTenantsParams
	sessions       []db.StageSessionsParams
	refresh        []db.StageRefreshTokensParams
	gone           []db.StageGoneParams
}

// staging copies the lines of a file to temporary tables.
type staging struct {
	reading
	to      *postgres.Staging
	options Options
	in      *format.Reader
	// nextAuthenticator and nextListing are ids that are handed out in a row, from a random one on: so none
	// comes twice within a run.
	nextAuthenticator, nextListing int64
}

// firstOfRun leaves space for the ids of a run within 31 bits.
func firstOfRun() int64 { return secret.Upper31() - 1<<29 }

// stage reads the whole file. Lines that are refused are noted as conflicts.
func (s *staging) stage(ctx context.Context) error {
	var batch []format.Line
	var copied int64
	for {
		line, err := s.in.Next()
		var wrong *format.LineError
		switch {
		case errors.As(err, &wrong):
			s.found = append(s.found, ofLine(wrong))
		case errors.Is(err, io.EOF):
			return s.copy(ctx, batch)
		case err != nil:
			return errors.Join(ErrSource, err)
		case line.Head != nil:
			s.head = line.Head
			s.report.Source = line.Head.Source
		case line.End != nil:
			s.report.Digest = line.End.Digest
		default:
			batch = append(batch, line)
		}

		isFull := len(batch)+len(s.found) >= stageLines || s.in.Bytes()-copied >= stageBytes
		if !isFull {
			continue
		}
		copied = s.in.Bytes()
		if err := s.copy(ctx, batch); err != nil {
			return err
		}
		batch = batch[:0]
	}
}

// copy brings lines to their tables.
func (s *staging) copy(ctx context.Context, batch []format.Line) error {
	if s.options.Progress != nil {
		s.options.Progress(Progress{Step: "reading", Bytes: s.in.Bytes()})
	}

	return s.to.Tx(ctx, func(tx postgres.Tx) error {
		known, err := s.look(ctx, tx, batch)
		if err != nil {
			return err
		}

		var out rows
		for _, line := range batch {
			switch {
			case line.User != nil && s.options.Mode != ModeLateTokens:
				err = s.addUser(ctx, &out, line, known)
			case line.Session != nil:
				s.addSession(&out, line)
			case line.Tenant != nil:
				s.addTenant(&out, line)
			case line.Gone != nil && s.options.Mode != ModeLateTokens:
				s.addGone(&out, line)
			}
			if err != nil {
				return err
			}
		}

		return s.send(ctx, tx, &out)
	})
}

// send copies rows and conflicts.
func (s *staging) send(ctx context.Context, tx postgres.Tx, out *rows) error {
	var failed error
	copied := func(_ int64, err error) {
		failed = errors.Join(failed, err)
	}
	copied(copyAll(ctx, out.users, tx.StageUsers))
	copied(copyAll(ctx, out.emails, tx.StageEmails))
	copied(copyAll(ctx, out.authenticators, tx.StageAuthenticators))
	copied(copyAll(ctx, out.credentials, tx.StageCredentials))
	copied(copyAll(ctx, out.providers, tx.StageProviders))
	copied(copyAll(ctx, out.memberships, tx.StageMemberships))
	copied(copyAll(ctx, out.tenants, tx.StageTenants))
	copied(copyAll(ctx, out.sessions, tx.StageSessions))
	copied(copyAll(ctx, out.refresh, tx.StageRefreshTokens))
	copied(copyAll(ctx, out.gone, tx.StageGone))
	copied(copyAll(ctx, s.found, tx.StageConflicts))
	s.found = s.found[:0]

	return failed
}

func copyAll[T any](ctx context.Context, list []T, copyRows func(context.Context, []T) (int64, error)) (int64, error) {
	if len(list) == 0 {
		return 0, nil
	}

	return copyRows(ctx, list)
}

// here is what the database has of the users of some lines.
type here struct {
	users map[string]db.ListUsersBySubjectRow
	// authenticators are ids: of a user by type, and of passkeys by credential id.
	authenticators map[string]int64
	// owners have the users of ids that lines want.
	owners map[int64]int64
}

// look finds out what is here already.
func (s *staging) look(ctx context.Context, tx postgres.Tx, batch []format.Line) (here, error) {
	known := here{users: map[string]db.ListUsersBySubjectRow{}, authenticators: map[string]int64{}, owners: map[int64]int64{}}
	var wanted db.ListUsersBySubjectParams
	var ids []int64
	for _, line := range batch {
		if line.User == nil {
			continue
		}
		if key, isKey := userid.ID(line.User.ID).Key(); isKey {
			wanted.Ids = append(wanted.Ids, key)
		} else {
			wanted.Subjects = append(wanted.Subjects, string(line.User.ID))
		}
		ids = append(ids, wantedIDs(line.User)...)
	}
	if len(wanted.Ids)+len(wanted.Subjects) == 0 {
		return known, nil
	}

	users, err := tx.ListUsersBySubject(ctx, wanted)
	if err != nil {
		return known, err
	}
	var keys []int64
	for _, u := range users {
		known.users[u.Subject] = u
		keys = append(keys, u.ID)
	}

	if len(keys) > 0 {
		found, err := tx.ListAuthenticatorsOf(ctx, keys)
		if err != nil {
			return known, err
		}
		for _, a := range found {
			known.authenticators[keyOf(a.UserID, a.Type, a.CredentialID)] = a.ID
		}
	}
	if len(ids) > 0 {
		taken, err := tx.ListTakenAuthenticators(ctx, ids)
		if err != nil {
			return known, err
		}
		for _, a := range taken {
			known.owners[a.ID] = a.UserID
		}
	}

	return known, nil
}

// wantedIDs are the ids that the authenticators of a user have at the source.
func wantedIDs(u *format.User) []int64 {
	var names []format.ID
	if u.TOTP != nil {
		names = append(names, u.TOTP.ID)
	}
	if u.RecoveryCodes != nil {
		names = append(names, u.RecoveryCodes.ID)
	}
	for _, c := range u.WebAuthn {
		names = append(names, c.ID)
	}

	var ids []int64
	for _, name := range names {
		if id, isID := authenticatorID(name); isID {
			ids = append(ids, id)
		}
	}

	return ids
}

func keyOf(userID int64, kind string, credential []byte) string {
	return strconv.FormatInt(userID, 10) + " " + kind + " " + hex.EncodeToString(credential)
}

// addUser adds the rows of a user.
func (s *staging) addUser(ctx context.Context, out *rows, line format.Line, known here) error {
	p := s.record(line)
	row := db.StageUsersParams{
		Line: int64(line.Number), Subject: string(p.ID), Display: p.Display, CreatedAt: p.CreatedAt.Time, Disabled: p.Disabled,
		PasswordHook: p.PasswordHook && p.Password == "", WebauthnHandle: p.WebAuthnHandle, LineHash: s.lineHash(line, s.accepted, p.Password != ""),
	}
	found, isHere := known.users[string(p.ID)]
	row.IsHere, row.IsImported = isHere, found.LineHash != nil
	row.IsUnchanged = string(found.LineHash) == string(row.LineHash)

	row.ID = found.ID
	key, isKey := userid.ID(p.ID).Key()
	if !isKey {
		row.OwnSubject = &row.Subject
	}
	switch {
	case isHere:
	case isKey:
		row.ID = key
	default:
		row.ID = secret.ID52()
	}

	if p.Username != "" {
		row.Username, row.UsernameKey = &p.Username, &p.key
	}
	if p.Phone != nil {
		row.Phone, row.PhoneVerified = &p.Phone.Number, p.Phone.Verified
	}
	if err := s.addPassword(ctx, &row, p); err != nil {
		return err
	}
	out.users = append(out.users, row)

	for _, e := range p.Emails {
		out.emails = append(out.emails, db.StageEmailsParams{Line: row.Line, UserID: row.ID, Address: e.Address, IsVerified: e.Verified, IsPrimary: e.Primary})
	}
	for _, t := range p.Tenants {
		out.memberships = append(out.memberships, db.StageMembershipsParams{
			Line: row.Line, UserID: row.ID, Tenant: tenantID(t.ID).String(), IsPrimary: t.Primary, CreatedAt: row.CreatedAt,
		})
	}
	if err := s.addProviders(out, row, p); err != nil {
		return err
	}

	return s.addAuthenticators(out, row, p, known)
}

// addPassword makes the hash canonical. A fast one is hashed again, which takes its time: not in a dry run, and
// not for a user who stays unchanged.
func (s *staging) addPassword(ctx context.Context, row *db.StageUsersParams, p *record) error {
	if p.Password == "" {
		return nil
	}

	isKept := s.options.Mode != ModeDryRun && !row.IsUnchanged
	hash, err := s.Gate.Canonical(p.Password, func(text string) (string, error) {
		if !isKept {
			return sampleHash, nil
		}

		slot, err := s.Gate.Enter(ctx)
		if err != nil {
			return "", err
		}
		defer slot.Leave()

		return slot.Hash(text)
	})
	row.PasswordHash = &hash

	return err
}

func (s *staging) addProviders(out *rows, user db.StageUsersParams, p *record) error {
	for _, a := range p.Providers {
		row := db.StageProvidersParams{
			Line: user.Line, UserID: user.ID, Provider: a.Provider, Uid: a.UID, Display: a.Display, ClientID: a.ClientID,
			CreatedAt: a.CreatedAt.Time, LastUsedAt: a.LastUsedAt.Time,
		}
		if a.RefreshToken != "" {
			if s.Keys == nil {
				return ErrNoKeys
			}
			row.GrantSealed = s.Keys.Seal([]byte(a.RefreshToken), provider.GrantAbout(a.Provider, a.UID))
		}
		out.providers = append(out.providers, row)
	}

	return nil
}

// idOf is the id that an authenticator gets: the one that it has here, that of the source, or another one.
func (s *staging) idOf(user db.StageUsersParams, kind string, credential []byte, wanted format.ID, known here) int64 {
	if id, isHere := known.authenticators[keyOf(user.ID, kind, credential)]; isHere {
		return id
	}

	id, isID := authenticatorID(wanted)
	owner, isTaken := known.owners[id]
	if isID && (!isTaken || owner == user.ID) {
		return id
	}
	s.nextAuthenticator++

	return s.nextAuthenticator
}

func (s *staging) addAuthenticators(out *rows, user db.StageUsersParams, p *record, known here) error {
	var failed error
	add := func(row db.StageAuthenticatorsParams, credential []byte, wanted format.ID, text []byte) int64 {
		row.Line, row.UserID = user.Line, user.ID
		row.ID = s.idOf(user, row.Type, credential, wanted, known)
		if text != nil {
			sealed, err := s.factors.Seal(user.ID, row.ID, text)
			row.Sealed = sealed
			failed = errors.Join(failed, err)
		}
		out.authenticators = append(out.authenticators, row)

		return row.ID
	}

	if t := p.TOTP; t != nil {
		secret, err := factor.DecodeTOTPSecret(t.Secret)
		if err != nil {
			return err
		}
		row := db.StageAuthenticatorsParams{Type: factor.TOTP, CreatedAt: t.CreatedAt.Time, LastUsedAt: t.LastUsedAt.Pointer(), Spent: s.spentStep(t)}
		add(row, nil, t.ID, secret)
	}
	if c := p.RecoveryCodes; c != nil {
		row := db.StageAuthenticatorsParams{
			Type: factor.RecoveryCodes, CreatedAt: c.CreatedAt.Time, LastUsedAt: c.LastUsedAt.Pointer(), ViewedAt: c.ViewedAt.Pointer(), Spent: usedBits(c.Used),
		}
		add(row, nil, c.ID, factor.EncodeRecoveryCodes(c.Codes))
	}
	for _, c := range p.WebAuthn {
		row := db.StageAuthenticatorsParams{Type: factor.WebAuthn, Name: c.Name, CreatedAt: c.CreatedAt.Time, LastUsedAt: c.LastUsedAt.Pointer()}
		id := add(row, c.CredentialID, c.ID, nil)
		aaguid, err := uuid.Parse(c.AAGUID)
		if err != nil {
			return err
		}
		out.credentials = append(out.credentials, db.StageCredentialsParams{
			Line: user.Line, UserID: user.ID, AuthenticatorID: id, CredentialID: c.CredentialID, PublicKey: c.PublicKey, SignCount: c.SignCount,
			Aaguid: aaguid[:], Transports: slices.Concat([]string{}, c.Transports), BackupEligible: c.BackupEligible, BackupState: c.BackupState,
			Passwordless: c.Passwordless,
		})
	}

	return failed
}

func (s *staging) addSession(out *rows, line format.Line) {
	s.report.Sessions++
	s.nextListing++
	row, tokens, lives := s.readSession(line, s.nextListing)
	if !lives {
		s.report.Notices["sessions_ended_at_the_source"]++
		return
	}
	out.sessions = append(out.sessions, row)
	out.refresh = append(out.refresh, tokens...)
}

func (s *staging) addTenant(out *rows, line format.Line) {
	t := line.Tenant
	at := t.CreatedAt.Time
	if at.IsZero() {
		at = s.now
	}
	id := tenantID(t.ID)
	out.tenants = append(out.tenants, db.StageTenantsParams{Line: int64(line.Number), ID: id, Subject: id.String(), Name: cut(strings.TrimSpace(t.Name), longestText), CreatedAt: at})
	s.report.Kinds["tenants"]++
}

func (s *staging) addGone(out *rows, line format.Line) {
	row := db.StageGoneParams{Line: int64(line.Number), TokenHash: line.Gone.Session}
	if line.Gone.User != "" {
		subject := string(line.Gone.User)
		row.Subject = &subject
	}
	out.gone = append(out.gone, row)
}

// tenantSpace is the namespace of tenants whose id at the source is no UUID (RFC 9562, version 5).
var tenantSpace = uuid.MustParse("5d8c3f43-4f6c-4d0c-9c55-3c1f0f5c8a10")

// tenantID is the id of a tenant here: that of the source where it is a UUID.
func tenantID(id format.ID) uuid.UUID {
	const length = 36
	if parsed, err := uuid.Parse(string(id)); err == nil && len(id) == length {
		return parsed
	}

	return uuid.NewSHA1(tenantSpace, []byte(id))
}
