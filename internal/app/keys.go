package app

import (
	"fmt"

	"github.com/latchkey-auth/latchkey/internal/token"
)

type keysCommand struct {
	Generate keysGenerateCommand `cmd:"" help:"Print a new P-256 private key as PEM."`
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
	_, _ = fmt.Fprintln(sh.err, "kid:", kid)
	_, err = fmt.Fprint(sh.out, block)
	return err
}
