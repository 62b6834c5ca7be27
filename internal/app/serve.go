package app

import (
	"errors"

	"github.com/latchkey-auth/latchkey/internal/config"
)

type serveCommand struct{}

// Help is shown by `latchkey serve --help`.
func (serveCommand) Help() string {
	return "Needs DATABASE_URL and HEADLESS_JWT_PRIVATE_KEY (or HEADLESS_JWT_PRIVATE_KEY_FILE).\nSIGTERM drains: running requests finish, new ones are refused, exit 0."
}

// Run serves until SIGINT or SIGTERM.
func (serveCommand) Run(sh *shell) error {
	c, err := sh.settings()
	var wrong *config.Error
	if errors.As(err, &wrong) {
		wrong.Add((&App{config: c}).open(sh.ctx, sh.now)...)
	}
	if err != nil {
		return err
	}
	a, err := New(sh.ctx, c, sh.now, sh.log())
	if err != nil {
		return err
	}
	defer a.Close()
	if err := a.Prepare(sh.ctx); err != nil {
		return err
	}
	return a.Run(sh.ctx)
}
