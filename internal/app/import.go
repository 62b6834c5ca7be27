package app

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/latchkey-auth/latchkey/internal/config"
	"github.com/latchkey-auth/latchkey/internal/moving"
	"github.com/latchkey-auth/latchkey/internal/moving/source"
	"github.com/latchkey-auth/latchkey/internal/password"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/provider"
	"github.com/latchkey-auth/latchkey/internal/secret"
)

type importCommand struct {
	JSON jsonFlag `name:"json" help:"Print JSON: one object a line, a conflict each, and the report at the end."`

	File       string   `arg:"" help:"The file, or - for standard input."`
	DryRun     bool     `help:"Change nothing: count, and list conflicts." xor:"mode"`
	Verify     bool     `help:"Change nothing: compare the database with the file." xor:"mode"`
	Final      bool     `help:"The last import before the service is live: in the phase arriving." xor:"mode"`
	LateTokens bool     `help:"Only add refresh tokens of sessions that nobody has refreshed here yet. The one import that is allowed once the service is live." xor:"mode"`
	Accept     []string `help:"Kinds of conflicts that are losses: what cannot be stored is left out. See latchkey import --help." placeholder:"KIND"`
	Conflicts  string   `help:"Write every conflict to this file, as JSON Lines. It is made anew, with mode 600." placeholder:"FILE"`
	Batch      int      `help:"Lines that are stored with one commit." default:"5000"`

	Source sourceFlags `embed:""`
}

// Help is shown by `latchkey import --help`.
func (importCommand) Help() string {
	return "Reads a file of the format of docs/moving-in-format.md. Nothing is stored while a conflict is open: then the exit code is 1. What was stored before is\n" +
		"left as it is, so that a run after one that was killed goes on with what is missing. Needs the settings of the server, also LATCHKEY_SEALING_KEYS.\n" +
		"Kinds that can be accepted: " + strings.Join(moving.Acceptable, " ") + "\n" +
		"Systems whose exports --from reads: " + strings.Join(source.Names(), " ")
}

// Validate is called by the parser of the command line.
func (c importCommand) Validate() error {
	for _, kind := range c.Accept {
		if !slices.Contains(moving.Acceptable, kind) {
			return fmt.Errorf("--accept=%s: want any of %s", kind, strings.Join(moving.Acceptable, " "))
		}
	}
	if c.Batch < 1 || c.Batch > 1_000_000 {
		return errors.New("--batch: want 1 to 1000000")
	}

	return c.Source.check()
}

// mode is what the flags ask for.
func (c importCommand) mode() moving.Mode {
	switch {
	case c.DryRun:
		return moving.ModeDryRun
	case c.Final:
		return moving.ModeFinal
	case c.LateTokens:
		return moving.ModeLateTokens
	}

	return moving.ModeImport
}

// Run imports a file.
func (c importCommand) Run(sh *shell) error {
	file, size, err := sh.openImport(c.File)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	in, err := c.Source.open(sh, file)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	if c.Source.From != "" {
		size = 0 // it is that of another file
	}

	m, closeAll, err := sh.mover()
	if err != nil {
		return err
	}
	defer closeAll()

	show, finish, err := c.conflictWriter(sh)
	if err != nil {
		return err
	}
	progress := newProgress(sh, size)
	defer progress.end()

	if c.Verify {
		return c.verify(sh, m, in, progress)
	}

	options := moving.Options{Mode: c.mode(), Accepted: c.Accept, Batch: c.Batch, Progress: progress.show}
	report, err := m.Import(sh.ctx, in, options, show)
	progress.end()
	if finished := finish(); err == nil {
		err = finished
	}
	var conflicts *moving.ConflictsError
	isKnown := err == nil || errors.As(err, &conflicts)
	if !isKnown {
		return settingsError(err)
	}
	if printed := sh.print(report, reportText(report)); printed != nil {
		return printed
	}

	return err
}

// settingsError makes an error about settings one that ends the program as such.
func settingsError(err error) error {
	if errors.Is(err, moving.ErrNoKeys) || errors.Is(err, postgres.ErrNoDirectURL) {
		return &config.Error{Problems: []error{err}}
	}

	return err
}

// openImport opens the file, and warns where others can read it.
func (sh *shell) openImport(name string) (in io.ReadCloser, size int64, err error) {
	if name == "-" {
		return io.NopCloser(sh.in), 0, nil
	}

	file, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err != nil {
		_ = file.Close()
		return nil, 0, err
	}
	isOpen := info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0
	if isOpen {
		_, _ = fmt.Fprintf(sh.err, "latchkey: warning: others can read %s, which has hashes and secrets: chmod 600\n", name)
	}

	return file, info.Size(), nil
}

// mover opens the database for an import or export.
func (sh *shell) mover() (*moving.Mover, func(), error) {
	d, c, err := sh.database()
	if err != nil {
		return nil, nil, err
	}

	parts := moving.Parts{DB: d, Policy: c.Policy, Factor: c.Factor, Session: c.Session, Gate: password.NewGate(), Log: sh.log()}
	_, _ = parts.Gate.Configure(c.Password) // what computes hashes is the server's to tell
	if c.Outbox.SealingKeys != "" {
		if parts.Keys, err = secret.ParseSealer(c.Outbox.SealingKeys); err != nil {
			d.Close()
			return nil, nil, err
		}
	}
	apps, err := provider.Parse(c.Provider.Providers)
	if err != nil {
		d.Close()
		return nil, nil, err
	}
	parts.Speaks = func(id string) bool {
		return slices.ContainsFunc(apps, func(p *provider.Provider) bool { return p.ID == id })
	}

	m, err := moving.New(parts)
	if err != nil {
		d.Close()
		return nil, nil, err
	}

	return m, d.Close, nil
}

// shownConflicts is how many conflicts are printed where all of them go to a file, or could.
const shownConflicts = 20

// conflictWriter returns what is called for each conflict, and what is called at the end.
func (c importCommand) conflictWriter(sh *shell) (show func(moving.Conflict) error, finish func() error, err error) {
	var file *os.File
	if c.Conflicts != "" {
		if file, err = os.OpenFile(c.Conflicts, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600); err != nil {
			return nil, nil, err
		}
	}

	shown := 0
	show = func(f moving.Conflict) error {
		if file != nil {
			if err := writeJSON(file, f); err != nil {
				return err
			}
		}
		shown++
		isTooMany := shown > shownConflicts && !sh.json
		if isTooMany {
			return nil
		}

		return sh.print(f, conflictText(f))
	}
	finish = func() error {
		if shown > shownConflicts && file == nil && !sh.json {
			_, _ = fmt.Fprintf(sh.out, "… and %d more: --conflicts=FILE writes all of them\n", shown-shownConflicts)
		}
		if file != nil {
			return file.Close()
		}

		return nil
	}

	return show, finish, nil
}

func conflictText(f moving.Conflict) string {
	text := f.Kind + ": "
	if f.Line > 0 {
		text += fmt.Sprintf("line %d: ", f.Line)
	}
	if f.User != "" {
		text += "user " + f.User + ": "
	}
	if f.Member != "" {
		text += f.Member + ": "
	}
	if f.Accepted {
		text = "accepted: " + text
	}

	return text + f.Problem
}

// reportText is a report as people read it.
func reportText(r *moving.Report) string {
	var out strings.Builder
	line := func(format string, values ...any) { _, _ = fmt.Fprintf(&out, format+"\n", values...) }
	counts := func(title string, counted map[string]int64) {
		if len(counted) == 0 {
			return
		}
		line("%s:", title)
		for _, name := range slices.Sorted(maps.Keys(counted)) {
			line("  %-28s %d", name, counted[name])
		}
	}

	line("%s of %s", r.Mode, r.Source)
	line("users: %d (%d new, %d changed, %d unchanged), %d deleted", r.Users, r.New, r.Changed, r.Unchanged, r.Gone)
	line("sessions: %d in the file, %d stored, %d ended, %d refresh tokens stored", r.Sessions, r.SessionsStored, r.SessionsEnded, r.RefreshTokens)
	counts("kinds", r.Kinds)
	counts("passwords by prefix", r.Passwords)
	for _, lost := range r.LostPasskeys {
		line("lost passkeys: %d of %q, algorithm %d", lost.Count, lost.RPID, lost.Algorithm)
	}
	counts("accounts with providers that the settings do not have", r.UnknownProviders)
	counts("to know", r.Notices)
	counts("conflicts that were accepted", r.Accepted)
	counts("conflicts that are open", r.Open)

	return strings.TrimRight(out.String(), "\n")
}
