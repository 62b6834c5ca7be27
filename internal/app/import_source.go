package app

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/latchkey-auth/latchkey/internal/moving/source"
)

// sourceFlags say that the file of an import is the export of another system: docs/moving-in-sources.md.
type sourceFlags struct {
	From         string `help:"The file is an export of this system. See below." placeholder:"NAME"`
	FromConfig   string `help:"Second file of an export: see docs/moving-in-sources.md." placeholder:"FILE"`
	FromRPID     string `name:"from-rp-id" help:"Domain of the passkeys of an export." placeholder:"DOMAIN"`
	FromPassHook bool   `name:"from-password-hook" help:"Passwords without a hash in an export: by the hook."`
}

// check returns what is wrong with the flags.
func (s sourceFlags) check() error {
	isOther := s.FromConfig != "" || s.FromRPID != "" || s.FromPassHook
	switch {
	case s.From == "" && isOther:
		return errors.New("--from-config, --from-rp-id and --from-password-hook need --from")
	case s.From != "" && !slices.Contains(source.Names(), s.From):
		return fmt.Errorf("--from=%s: want any of %s", s.From, source.Names())
	}

	return nil
}

// open returns what is imported: the file itself or, of an export, what it is converted to. What does not move is
// written to standard error. Close ends the conversion, and leaves the file open.
func (s sourceFlags) open(sh *shell, file io.Reader) (io.ReadCloser, error) {
	if s.From == "" {
		return io.NopCloser(file), nil
	}

	options := source.Options{PasswordHook: s.FromPassHook, RPID: s.FromRPID, Now: sh.now(), Note: sh.showNote}
	closeConfig := func() {}
	if s.FromConfig != "" {
		config, err := os.Open(s.FromConfig)
		if err != nil {
			return nil, err
		}
		options.Config, closeConfig = config, func() { _ = config.Close() }
	}

	out, to := io.Pipe()
	go func() {
		defer closeConfig()
		_ = to.CloseWithError(source.Convert(s.From, file, to, options))
	}()

	return out, nil
}

// showNote writes what does not move.
func (sh *shell) showNote(n source.Note) {
	if sh.json {
		_ = writeJSON(sh.err, n)
		return
	}
	_, _ = fmt.Fprintf(sh.err, "does not move: %s\n", n)
}
