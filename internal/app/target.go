package app

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/latchkey-auth/latchkey/internal/address"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/phone"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/typed"
	"github.com/latchkey-auth/latchkey/internal/userid"
)

// targetArguments name the user that a command acts on.
//
// Security: an address names only a user who has verified it. Users can add an address of
// another user to their account, and an operator who names that address means the other user
// (TestCommand_anUnverifiedAddressNamesNobody).
type targetArguments struct {
	User string `arg:"" optional:"" help:"An address or a phone number (+…) that the user has verified, or a user name."`
	ID   string `name:"id" help:"The user's id (sub of their tokens) instead of a name." placeholder:"ID"`
}

// Validate is called by the parser of the command line.
func (t targetArguments) Validate() error {
	if (t.User == "") == (t.ID == "") {
		return errors.New("expected either a user or --id")
	}
	return nil
}

// target is the user that a command acts on.
type target struct {
	id      int64
	subject userid.ID
	display string
	// name is what the command calls the user in its output: an address, or the id.
	name string
}

// findTarget finds a user by id, by an address or a number that the user has verified, or by user name.
func (sh *shell) findTarget(d *postgres.DB, named targetArguments) (target, error) {
	switch {
	case named.ID != "":
		return sh.findBySubject(d, named.ID)
	case strings.Contains(named.User, "@"):
		return sh.findByAddress(d, named.User)
	case strings.HasPrefix(named.User, "+"):
		return sh.findByPhone(d, named.User)
	}

	return sh.findByUsername(d, named.User)
}

func (sh *shell) findByPhone(d *postgres.DB, text string) (target, error) {
	number, ok := phone.Normalize(text)
	if !ok {
		return target{}, fmt.Errorf("%q is not a phone number", text)
	}
	user, err := d.FindVerifiedHolderOfPhone(sh.ctx, number)
	if postgres.IsNotFound(err) {
		return target{}, fmt.Errorf("no user has verified the phone number %s: latchkey users find shows who has it", number)
	}

	found, err := toTarget(user, err, number)
	found.name = number
	return found, err
}

func (sh *shell) findByUsername(d *postgres.DB, name string) (target, error) {
	stored := typed.Given(name)
	found, err := d.FindUserByUsername(sh.ctx, db.FindUserByUsernameParams{
		Username: stored, Key: typed.Key(stored), Twin: typed.TwinKey(stored),
	})
	if postgres.IsNotFound(err) {
		return target{}, fmt.Errorf("there is no user with the user name %q; an id is named by --id", name)
	}
	if err != nil {
		return target{}, err
	}

	user, err := sh.findByID(d, found.ID)
	user.name = strconv.Quote(name)
	return user, err
}

func (sh *shell) findByAddress(d *postgres.DB, text string) (target, error) {
	found, err := address.Find(sh.ctx, d.Queries, text)
	if err != nil && address.Invalid(err) == nil {
		return target{}, err
	}
	id, err := d.FindVerifiedHolder(sh.ctx, found)
	if postgres.IsNotFound(err) {
		return target{}, sh.listCandidates(d, found)
	}
	if err != nil {
		return target{}, err
	}

	user, err := sh.findByID(d, id)
	user.name = found
	return user, err
}

func (sh *shell) findByID(d *postgres.DB, id int64) (target, error) {
	user, err := d.FindUser(sh.ctx, id)
	return toTarget(user, err, strconv.FormatInt(id, 10))
}

// findBySubject finds a user by the subject, or by the id that the database has for the user: a subject
// never reads as one.
func (sh *shell) findBySubject(d *postgres.DB, subject string) (target, error) {
	if id, isID := userid.ID(subject).Key(); isID {
		return sh.findByID(d, id)
	}

	user, err := d.FindUserBySubject(sh.ctx, subject)
	return toTarget(user, err, subject)
}

func toTarget(user db.UserDetail, err error, named string) (target, error) {
	if postgres.IsNotFound(err) {
		if !userid.Valid(named) { // a terminal must not obey it
			named = strconv.Quote(named)
		}
		return target{}, fmt.Errorf("there is no user with the id %s", named)
	}

	name := "user " + named
	if user.Email != nil {
		name = *user.Email
	}
	return target{id: user.ID, subject: userid.ID(user.Subject), display: user.Display, name: name}, err
}

// mostCandidates is how many accounts an error lists.
const mostCandidates = 20

// listCandidates returns the error for an address that no user has verified. It lists the
// accounts that have the address, so that the operator can choose one by its id.
func (sh *shell) listCandidates(d *postgres.DB, address string) error {
	list, err := d.ListAddressCandidates(sh.ctx, db.ListAddressCandidatesParams{Address: address, Most: mostCandidates})
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return fmt.Errorf("there is no user with the address %q", address)
	}

	lines := []string{fmt.Sprintf("no user has verified the address %q; name one of these by --id:", address)}
	for _, c := range list {
		lines = append(lines, candidateLine(c))
	}
	return errors.New(strings.Join(lines, "\n"))
}

// candidateLine shows an account that has an address: its id, its primary address, and whether
// that is verified.
func candidateLine(c db.ListAddressCandidatesRow) string {
	state := "not verified"
	if c.PrimaryVerified {
		state = "verified"
	}

	primary := "no primary address"
	if c.PrimaryEmail != "" {
		primary = fmt.Sprintf("%q, %s", c.PrimaryEmail, state)
	}

	line := fmt.Sprintf("  --id=%s  %s", c.Subject, primary)
	if c.Disabled {
		line += ", disabled"
	}
	return line
}

// warnOfOthers warns an operator who has made an account with an address that nobody has
// verified, if other accounts have it: a code or a reset that is mailed there opens the oldest.
func (sh *shell) warnOfOthers(d *postgres.DB, address string, made int64, verified bool) error {
	if verified {
		return nil
	}

	list, err := d.ListAddressCandidates(sh.ctx, db.ListAddressCandidatesParams{Address: address, Most: mostCandidates})
	if err != nil {
		return err
	}

	list = slices.DeleteFunc(list, func(c db.ListAddressCandidatesRow) bool { return c.ID == made })
	if len(list) == 0 {
		return nil
	}

	_, _ = fmt.Fprintf(sh.err, "latchkey: warning: other accounts have the address %q, and nobody has verified it; if you know whose it is, use --verified:\n", address)
	for _, c := range list {
		_, _ = fmt.Fprintln(sh.err, candidateLine(c))
	}
	return nil
}
