// Package source reads the exports of other systems and writes the lines of internal/moving/format. Each file of
// it names the documentation of the shape that it reads. It does not own what an import does with a line.
package source

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/latchkey-auth/latchkey/internal/moving/format"
)

// Options are what a file does not say.
type Options struct {
	// Config is the second file of a source: hash parameters of Firebase, hashes of Auth0, the mapping of Kratos'
	// traits. nil: there is none.
	Config io.Reader
	// PasswordHook marks users without a hash as those whose password the source verifies.
	PasswordHook bool
	// RPID is the domain of the source's passkeys; empty: not known, and they do not move.
	RPID string
	// Now decides whether a ban is over.
	Now time.Time
	// Note is called with what does not move.
	Note func(Note)
}

// Note says that something of a user does not move. It quotes no value but the user's id: others may be secrets.
type Note struct {
	// Line is the number of the line, or of the element in a list, from 1.
	Line int    `json:"line"`
	User string `json:"user,omitempty"`
	What string `json:"what"`
}

// String is a note as text.
func (n Note) String() string {
	if n.User == "" {
		return fmt.Sprintf("line %d: %s", n.Line, n.What)
	}

	return fmt.Sprintf("line %d: user %s: %s", n.Line, n.User, n.What)
}

// Error is a file that cannot be read. Nothing of it is to be imported.
type Error struct{ Note }

// Error says where it is wrong.
func (e *Error) Error() string { return e.String() }

// converter reads the users of a file one after the other.
type converter struct {
	ids string
	// read calls users for each user.
	read func(in io.Reader, w *writer) error
}

var converters = map[string]converter{
	"supabase": {"text", readSupabase},
	"firebase": {"text", readFirebase},
	"auth0":    {"text", readAuth0},
	"keycloak": {"text", readKeycloak},
	"kratos":   {"text", readKratos},
	"csv":      {"text", readCSV},
}

// Names are the systems whose exports are read.
func Names() []string { return slices.Sorted(maps.Keys(converters)) }

// Convert reads an export and writes a file of the format. It needs memory for one user, and for the second file.
// An error leaves the output without its last line, so that no import takes it.
func Convert(name string, in io.Reader, out io.Writer, options Options) error {
	c, known := converters[name]
	if !known {
		return fmt.Errorf("want any of %v", Names())
	}

	w := &writer{out: format.NewWriter(out), options: options}
	complete := false // what an export leaves out does not have to go
	head := &format.Head{
		Format: format.Version, Source: name, IDs: c.ids, Rotation: true, Complete: &complete,
		TOTP: &format.TOTP{Digits: totpDigits, Period: totpPeriod},
	}
	if err := w.out.Write(head); err != nil {
		return err
	}
	if err := c.read(in, w); err != nil {
		return err
	}

	return w.out.Close()
}

// What a TOTP authenticator has to have: what all authenticator apps do, and what the head says.
const (
	totpDigits = 6
	totpPeriod = 30
)

// writer writes users and notes.
type writer struct {
	out     *format.Writer
	options Options
	// at is the number of the element that is read, and user its id.
	at   int
	user string
}

// begin begins the next element.
func (w *writer) begin(line int, id string) {
	w.at, w.user = line, id
	if !format.ID(id).Valid() {
		w.user = ""
	}
}

// note says that something of the user does not move.
func (w *writer) note(what string) {
	if w.options.Note != nil {
		w.options.Note(Note{Line: w.at, User: w.user, What: what})
	}
}

// fail is an error about the element that is read.
func (w *writer) fail(what string) error { return &Error{Note{Line: w.at, User: w.user, What: what}} }

// hook marks a user whose password is at the source, and cannot be read.
func (w *writer) hook(u *format.User, why string) {
	if w.options.PasswordHook {
		u.PasswordHook = true
		return
	}

	w.note("the password does not move: " + why)
}

// write writes a user. Users without a hash get the hook, if the options say so.
func (w *writer) write(u *format.User) error {
	if u.ID == "" {
		return w.fail("has no id")
	}
	if !u.ID.Valid() {
		return w.fail("has an id that is not 1 to 64 characters of A-Z, a-z, 0-9, _ and -")
	}

	err := w.out.Write(u)
	var wrong *format.LineError
	if errors.As(err, &wrong) {
		return w.fail(wrong.Member + " " + wrong.Problem)
	}

	return err
}

// addProvider adds an account at a provider once.
func (w *writer) addProvider(u *format.User, p format.ProviderAccount) {
	if p.Provider == "" || p.UID == "" {
		w.note("an account at a provider without an id does not move")
		return
	}
	isThere := slices.ContainsFunc(u.Providers, func(o format.ProviderAccount) bool {
		return o.Provider == p.Provider && o.UID == p.UID
	})
	if !isThere {
		u.Providers = append(u.Providers, p)
	}
}

// addTOTP adds the first authenticator app of a user, if it works as those here do.
func (w *writer) addTOTP(u *format.User, t format.TOTPAuthenticator, algorithm string, digits, period int) {
	isUsual := (algorithm == "" || algorithm == "SHA1" || algorithm == "HmacSHA1") &&
		(digits == 0 || digits == totpDigits) && (period == 0 || period == totpPeriod)

	switch {
	case !isUsual:
		w.note("a TOTP authenticator of another algorithm, number of digits or period does not move")
	case u.TOTP != nil:
		w.note("a second TOTP authenticator does not move")
	case t.Secret == "":
		w.note("a TOTP authenticator without a secret does not move")
	default:
		u.TOTP = &t
	}
}
