package app

import (
	"encoding/json"
	"fmt"
	"os"
	"os/user"

	"github.com/latchkey-auth/latchkey/internal/admin"
	"github.com/latchkey-auth/latchkey/internal/code"
	"github.com/latchkey-auth/latchkey/internal/config"
	"github.com/latchkey-auth/latchkey/internal/limit"
	"github.com/latchkey-auth/latchkey/internal/notice"
	"github.com/latchkey-auth/latchkey/internal/outbox"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/secret"
	"github.com/latchkey-auth/latchkey/internal/sharedkey"
)

// jsonFlag is the --json of a group of commands.
type jsonFlag bool

// AfterApply is called by the parser of the command line.
func (f jsonFlag) AfterApply(sh *shell) error {
	sh.json = bool(f)

	return nil
}

// print prints a line: as JSON where --json asks for it.
func (sh *shell) print(value any, text string) error {
	if sh.json {
		return json.NewEncoder(sh.out).Encode(value)
	}
	_, err := fmt.Fprintln(sh.out, text)

	return err
}

// actArguments are of every command that changes something.
type actArguments struct {
	Reason reasonText `help:"The reason for this change; the audit log keeps it for 90 days." placeholder:"TEXT"`
}

// reasonText is why an operator does something.
type reasonText string

// Validate is called by the parser of the command line.
func (t reasonText) Validate() error { return admin.Actor{Reason: string(t)}.Check() }

// actor is the operator at this terminal: the account that ran the command, also behind sudo, and the host.
func (sh *shell) actor(given actArguments) admin.Actor {
	name := sh.env["SUDO_USER"]
	if name == "" {
		if current, err := user.Current(); err == nil {
			name = current.Username
		}
	}
	if name == "" {
		name = fmt.Sprintf("uid%d", os.Getuid())
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown-host"
	}

	const longest = 200 // as the audit log takes them
	id := []rune("cli:" + name + "@" + host)

	return admin.Actor{ID: string(id[:min(len(id), longest)]), Reason: string(given.Reason)}
}

// look opens the database for a command that changes nothing.
func (sh *shell) look(do func(*admin.Admin) error) error {
	d, settings, err := sh.database()
	if err != nil {
		return err
	}
	defer d.Close()

	return do(admin.New(admin.Parts{DB: d, Policy: settings.Policy}, admin.Actor{}))
}

// operation is what a command that acts on a user works with.
type operation struct {
	admin    *admin.Admin
	settings config.Config
	user     target
}

// act finds the user that the arguments name, and calls do with the use cases of the operator.
func (sh *shell) act(named targetArguments, given actArguments, do func(operation) error) error {
	return sh.administer(given, func(a *admin.Admin, settings config.Config) error {
		user, err := sh.findTarget(a.DB, named)
		if err != nil {
			return err
		}

		return do(operation{a, settings, user})
	})
}

// administer opens the database, and calls do with the use cases of the operator.
func (sh *shell) administer(given actArguments, do func(*admin.Admin, config.Config) error) error {
	d, settings, err := sh.database()
	if err != nil {
		return err
	}
	defer d.Close()

	parts := admin.Parts{DB: d, Policy: settings.Policy}
	if parts.Limiter, err = sh.limiter(d, settings); err != nil {
		return err
	}
	if parts.Notices, err = sh.notices(d, settings, parts.Limiter); err != nil {
		return err
	}

	return do(admin.New(parts, sh.actor(given)), settings)
}

// notices returns what posts messages to users; a running server sends them. It is nil where the settings
// have no key that seals messages, or none that opens the key of the counters.
func (sh *shell) notices(d *postgres.DB, c config.Config, limiter *limit.Limiter) (*notice.Notices, error) {
	sealer, err := sh.messageSealer(d, c)
	if err != nil || sealer == nil || limiter == nil {
		return nil, err
	}

	messages, err := outbox.New(outbox.Parts{DB: d, Settings: c.Outbox, Sealer: sealer, PublicURL: publicURL(c), Console: os.Stdout, Log: sh.log()})
	if err != nil {
		return nil, err
	}
	if address := publicURL(c); address != "" {
		messages.UndoBelow(address)
	}
	codes, err := code.New(c.Code, &secret.Key{}) // changes to accounts have no codes
	if err != nil {
		return nil, err
	}

	return notice.New(notice.Parts{
		Outbox: messages, Codes: codes, Limiter: limiter, Policy: c.Policy, Countries: c.Outbox.SMSCountries, Log: sh.log(),
	}), nil
}

// messageSealer seals messages as the servers do; nil where the settings have no key for it.
func (sh *shell) messageSealer(d *postgres.DB, c config.Config) (*secret.Sealer, error) {
	if c.Outbox.SealingKeys != "" {
		return secret.ParseSealer(c.Outbox.SealingKeys)
	}

	ring, err := sh.givenRing(c.Token)
	if err != nil || ring == nil {
		return nil, err
	}
	key, err := sharedkey.Open(sh.ctx, d.Queries, sharedkey.Sealing, wrappers(ring, nil))
	if err != nil || key == nil {
		return nil, err
	}

	return secret.NewSealer(sharedSealing, key), nil
}

// warnOfNoMail says that a user is not mailed about a change.
func (sh *shell) warnOfNoMail(o operation) {
	if o.admin.Notices == nil {
		_, _ = fmt.Fprintf(sh.err, "latchkey: warning: %s gets no mail about this: the keys of the servers are not in these settings\n", o.user.name)
	}
}
