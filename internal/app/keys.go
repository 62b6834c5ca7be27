package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/token"
)

type keysCommand struct {
	JSON jsonFlag `name:"json" help:"Print JSON: one object a line."`

	Generate keysGenerateCommand `cmd:"" help:"Print a new P-256 private key as PEM."`
	List     keysListCommand     `cmd:"" help:"List the keys of a key file: the one that signs, the one that signs next, and those that only verify."`
	Rotate   keysRotateCommand   `cmd:"" help:"Do the next step of a key rotation in a key file, if it is due."`
	Reseal   keysResealCommand   `cmd:"" help:"Seal every secret in the database with the newest of LATCHKEY_SEALING_KEYS."`
}

type keysGenerateCommand struct{}

// Help is shown by `latchkey keys generate --help`.
func (keysGenerateCommand) Help() string {
	return "Writes nothing but standard output:\n\n  (umask 077; latchkey keys generate > key.pem)\n  HEADLESS_JWT_PRIVATE_KEY_FILE=key.pem latchkey serve"
}

// Run prints a key; its id goes to standard error, so that the PEM can be piped.
func (keysGenerateCommand) Run(sh *shell) error {
	block, kid, err := token.GenerateKey()
	if err != nil {
		return err
	}
	if sh.json {
		return sh.print(madeKey{ID: kid, PrivateKey: block}, "")
	}

	_, _ = fmt.Fprintln(sh.err, "kid:", kid)
	_, err = fmt.Fprint(sh.out, block)
	return err
}

// madeKey is a new key as JSON.
type madeKey struct {
	ID         string `json:"kid"`
	PrivateKey string `json:"private_key"` // PEM
}

// keyLine is a key of a file as JSON.
type keyLine struct {
	ID    string     `json:"kid"`
	State string     `json:"state"`
	Since *time.Time `json:"since"` // null where the file does not note it
}

type keysListCommand struct {
	File string `arg:"" help:"The key file." type:"existingfile"`
}

// Run lists the keys.
func (c keysListCommand) Run(sh *shell) error {
	file, err := readKeyFile(c.File)
	if err != nil {
		return err
	}
	for _, k := range file.Keys {
		line, since := keyLine{ID: k.ID, State: k.State}, "since when is not noted"
		if !k.Since.IsZero() {
			line.Since = &k.Since
			since = "since " + k.Since.Format(time.RFC3339)
		}
		if err := sh.print(line, fmt.Sprintf("%s  %-8s  %s", k.ID, k.State, since)); err != nil {
			return err
		}
	}
	return nil
}

type keysRotateCommand struct {
	File  string `arg:"" help:"The key file; running servers read it again within 60 seconds." type:"existingfile"`
	Force bool   `help:"Do the step although it is too early, and print how many active sessions that ends (needs DATABASE_URL)."`
}

// Help is shown by `latchkey keys rotate --help`.
func (keysRotateCommand) Help() string {
	return "A rotation is three runs of this command, for instance by a daily timer:\n" +
		"  1. adds a key, which is published but does not sign;\n" +
		"  2. at least 10 minutes later, lets it sign; the old one still verifies;\n" +
		"  3. after the lifetime of a refresh token and 30 seconds, drops the old one.\n" +
		"A run that comes too early changes nothing and says when to come back."
}

// Run does the next step and writes the file, whole or not at all.
func (c keysRotateCommand) Run(sh *shell) error {
	settings, err := sh.settings()
	if err != nil {
		return err
	}
	file, err := readKeyFile(c.File)
	if err != nil {
		return err
	}
	retire := time.Duration(settings.Session.RefreshExpiresIn+30) * time.Second
	fresh, step, err := file.Rotate(sh.now(), retire)
	if err != nil {
		return err
	}
	if step.TooEarly > 0 && !c.Force {
		return fmt.Errorf("too early: come back in %s (or --force, which may end sessions)", step.TooEarly.Round(time.Second))
	}
	done := rotation{Step: step.Step, ID: step.Key}
	if step.TooEarly > 0 && step.Dropped != "" {
		if done.Ending, err = sh.countEnding(step); err != nil {
			return err
		}
	}
	if err := replaceFile(c.File, fresh.String()); err != nil {
		return err
	}

	return sh.print(done, step.Did)
}

// rotation is a step of a rotation as JSON.
type rotation struct {
	Step   string `json:"step"` // added, signs or dropped
	ID     string `json:"kid"`
	Ending *int64 `json:"sessions_that_may_end"` // null without --force, and where the step ends none
}

// countEnding tells how many living sessions hold a refresh token that may be signed by
// the dropped key: those that have not been refreshed since it stopped signing.
func (sh *shell) countEnding(step token.RotationStep) (*int64, error) {
	d, _, err := sh.database()
	if err != nil {
		return nil, fmt.Errorf("--force counts the sessions that it ends: %w", err)
	}
	defer d.Close()
	since := step.Since
	if since.IsZero() {
		since = sh.now()
	}
	n, err := d.CountSessionsLastRotatedBefore(sh.ctx, db.CountSessionsLastRotatedBeforeParams{Since: since, Now: d.Now()})
	if err != nil || sh.json {
		return &n, err
	}

	_, err = fmt.Fprintf(sh.out, "up to %d living sessions end by this\n", n)

	return &n, err
}

func readKeyFile(path string) (token.KeyFile, error) {
	text, err := token.ReadKeyFile(path)
	if err != nil {
		return token.KeyFile{}, err
	}
	file, err := token.ParseKeyFile(text)
	if err != nil {
		return token.KeyFile{}, fmt.Errorf("%s: %w", path, err)
	}
	return file, nil
}

// replaceFile writes beside the file and renames, so that a server that reads at this
// moment finds the old state or the new one.
func replaceFile(path, text string) (err error) {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	fresh, err := os.CreateTemp(filepath.Dir(path), ".keys-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(fresh.Name())
		}
	}()
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		// Root rotates the file of another account, which must still be able to read it.
		if err = fresh.Chown(int(stat.Uid), int(stat.Gid)); err != nil {
			return err
		}
	}
	_, err = fresh.WriteString(text)
	if err = errors.Join(err, fresh.Sync(), fresh.Chmod(info.Mode().Perm()), fresh.Close()); err != nil {
		return err
	}
	return os.Rename(fresh.Name(), path)
}
