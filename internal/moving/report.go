package moving

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/moving/format"
	"github.com/latchkey-auth/latchkey/internal/postgres"
)

// Kinds of conflicts. Of those that can be accepted, what cannot be stored is left out.
const (
	LineInvalid         = "line_invalid"
	IDInvalid           = "id_invalid"
	EmailInvalid        = "email_invalid"
	EmailTwins          = "email_twins"
	UsernameInvalid     = "username_invalid"
	UsernameIsAddress   = "username_is_address"
	PhoneInvalid        = "phone_invalid"
	HashUnknown         = "hash_unknown"
	TOTPSettings        = "totp_settings"
	TOTPInvalid         = "totp_invalid"
	PasskeyOfAnotherRP  = "passkey_of_another_domain"
	PasskeyAlgorithm    = "passkey_algorithm" //nolint:gosec // G101: a word of a report
	ProviderInvalid     = "provider_invalid"
	NoWayIn             = "no_way_in"
	SessionWithoutUser  = "session_of_unknown_user"
	UserMissing         = "user_missing"
	AuthenticatorsTwice = "authenticator_twice"
)

// Acceptable are the kinds of conflicts that an operator can accept as a loss.
var Acceptable = []string{
	EmailInvalid, EmailTwins, HashUnknown, NoWayIn, PasskeyAlgorithm, PasskeyOfAnotherRP, PhoneInvalid, ProviderInvalid,
	SessionWithoutUser, TOTPInvalid, UserMissing, UsernameInvalid, UsernameIsAddress,
}

// Conflict is a line that cannot be stored as it is.
type Conflict struct {
	// Line is its number; 0: there is none.
	Line     int64  `json:"line"`
	Kind     string `json:"kind"`
	User     string `json:"user,omitempty"`
	Member   string `json:"member,omitempty"`
	Problem  string `json:"problem"`
	Accepted bool   `json:"accepted"`
}

// LostPasskeys counts passkeys that cannot be used here.
type LostPasskeys struct {
	// RPID is the domain where it can be found out; otherwise the SHA-256 of it in base64url.
	RPID      string `json:"rp_id"`
	Algorithm int64  `json:"algorithm"`
	Count     int64  `json:"count"`
}

// Report is what an import did, or would do.
type Report struct {
	Mode      Mode   `json:"mode"`
	Source    string `json:"source"`
	Users     int64  `json:"users"`
	Sessions  int64  `json:"sessions"`
	New       int64  `json:"users_new"`
	Changed   int64  `json:"users_changed"`
	Unchanged int64  `json:"users_unchanged"`
	Gone      int64  `json:"users_gone"`

	SessionsStored int64 `json:"sessions_stored"`
	SessionsEnded  int64 `json:"sessions_ended"`
	RefreshTokens  int64 `json:"refresh_tokens_stored"`

	// Passwords counts them by the prefix of their hashes.
	Passwords map[string]int64 `json:"passwords"`
	// Kinds counts what users have.
	Kinds        map[string]int64 `json:"kinds"`
	LostPasskeys []LostPasskeys   `json:"lost_passkeys"`
	// UnknownProviders counts accounts with providers that the settings do not have.
	UnknownProviders map[string]int64 `json:"unknown_providers"`
	// Notices counts what is worth knowing, and is no conflict.
	Notices map[string]int64 `json:"notices"`
	// Open and Accepted count conflicts by their kind.
	Open     map[string]int64 `json:"conflicts"`
	Accepted map[string]int64 `json:"accepted"`
	Digest   string           `json:"digest"`
}

func newReport(mode Mode) *Report {
	return &Report{
		Mode: mode, Passwords: map[string]int64{}, Kinds: map[string]int64{}, LostPasskeys: []LostPasskeys{},
		UnknownProviders: map[string]int64{}, Notices: map[string]int64{}, Open: map[string]int64{}, Accepted: map[string]int64{},
	}
}

// OpenConflicts is how many conflicts are open.
func (r *Report) OpenConflicts() int64 {
	var n int64
	for _, count := range r.Open {
		n += count
	}

	return n
}

// mostNames bounds the maps of a report whose keys come from the file.
const mostNames = 100

// countName counts something under a name that the file says.
func countName(counts map[string]int64, name string) {
	if _, known := counts[name]; !known && len(counts) >= mostNames {
		name = "others"
	}
	counts[name]++
}

func (r *Report) countLost(rpID string, algorithm int64) {
	is := func(l LostPasskeys) bool { return l.RPID == rpID && l.Algorithm == algorithm }
	i := slices.IndexFunc(r.LostPasskeys, is)
	if i < 0 && len(r.LostPasskeys) >= mostNames {
		rpID, algorithm = "others", 0
		i = slices.IndexFunc(r.LostPasskeys, is)
	}
	if i < 0 {
		r.LostPasskeys = append(r.LostPasskeys, LostPasskeys{RPID: rpID, Algorithm: algorithm})
		i = len(r.LostPasskeys) - 1
	}
	r.LostPasskeys[i].Count++
}

// prefixes are those of hashes that systems write, also of kinds that are not read here.
//
// Security: nothing else of a stored text is shown, since what is no hash may be a password
// (TestMovingIn_whatCannotBeStoredStopsTheImport).
var prefixes = []string{
	"pbkdf2_sha256$", "pbkdf2_sha1$", "$pbkdf2-sha256$", "$pbkdf2-sha512$", "$pbkdf2-sha1$", "$pbkdf2-sha224$", "$pbkdf2-sha384$",
	"argon2$argon2id$", "argon2$argon2i$", "argon2$argon2d$", "$argon2id$", "$argon2i$", "$argon2d$", "bcrypt_sha256$", "bcrypt$", "$2a$", "$2b$", "$2x$", "$2y$", "$wp$",
	"scrypt$", "$scrypt$", "$fbscrypt$", "$firescrypt$", "$P$", "$H$", "md5$", "sha1$", "crypt$", "wrapped_md5$", "wrapped_sha1$",
	"$1$", "$5$", "$6$", "$7$", "$y$", "$gy$", "{SSHA}", "{SHA}", "{SSHA256}", "{SSHA512}", "{CRYPT}", "{MD5}", "{SMD5}",
}

var hexDigest = regexp.MustCompile(`^[0-9a-fA-F]{32}$`)

// prefixOf is the prefix of a hash, as the report shows it.
func prefixOf(stored string) string {
	switch {
	case stored == "":
		return "none"
	case strings.HasPrefix(stored, "!"):
		return "unusable"
	case hexDigest.MatchString(stored):
		return "md5"
	}
	for _, p := range prefixes {
		if strings.HasPrefix(stored, p) {
			return p
		}
	}

	return "unknown"
}

// Conflicts calls show for each conflict in the order of lines. It is called by what Import calls, while the
// rows are there.
func conflicts(ctx context.Context, s *postgres.Staging, show func(Conflict) error) error {
	const page = 1000
	for skipped := int32(0); ; skipped += page {
		var rows []db.ImportConflict
		err := s.Tx(ctx, func(tx postgres.Tx) (err error) {
			rows, err = tx.ListConflicts(ctx, db.ListConflictsParams{Most: page, Skipped: skipped})
			return err
		})
		if err != nil {
			return err
		}

		for _, r := range rows {
			if err := show(Conflict{r.Line, r.Kind, r.Subject, r.Member, r.Problem, r.IsAccepted}); err != nil {
				return err
			}
		}
		if len(rows) < page {
			return nil
		}
	}
}

// ofLine makes a conflict of what a reader refused.
func ofLine(wrong *format.LineError) db.StageConflictsParams {
	return db.StageConflictsParams{Line: int64(wrong.Line), Kind: LineInvalid, Subject: string(wrong.User), Member: wrong.Member, Problem: wrong.Problem}
}
