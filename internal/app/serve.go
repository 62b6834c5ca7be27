package app

import (
	"runtime/debug"
	"time"
)

// settled is how long after a start nothing of it is needed any more.
const settled = 2 * time.Second

type serveCommand struct{}

// Help is shown by `latchkey serve --help`.
func (serveCommand) Help() string {
	return "Needs DATABASE_URL and HEADLESS_JWT_PRIVATE_KEY (or HEADLESS_JWT_PRIVATE_KEY_FILE).\nSIGTERM drains: /readyz is 503, after LATCHKEY_DRAIN_DELAY the listener closes, running requests finish, exit 0. A second signal ends it at once."
}

// Run serves until SIGINT or SIGTERM.
func (serveCommand) Run(sh *shell) error {
	a, err := sh.build()
	if err != nil {
		return err
	}
	defer a.Close()
	err = a.Prepare(sh.ctx)
	sh.started()
	if err != nil {
		return sh.stopped(err)
	}

	return sh.serve(a)
}

// serve runs a server that has been prepared, until SIGINT or SIGTERM.
func (sh *shell) serve(a *App) error {
	// The start is over then, and what it needed alone goes back to the system.
	timer := time.AfterFunc(settled, func() {
		debug.FreeOSMemory()
		releaseProgram()
	})
	defer timer.Stop()

	return a.Run(sh.ctx)
}

// stopped returns nil for the error of a start that a signal ended: that is what was asked for. The
// error itself may be the database's: a query that is cancelled looks like an outage.
func (sh *shell) stopped(err error) error {
	if err == nil || sh.ctx.Err() == nil {
		return err
	}

	sh.log().Info("stopped before the start was complete")

	return nil
}
