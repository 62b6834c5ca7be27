package app

import (
	"log/slog"
	"runtime"

	"github.com/latchkey-auth/latchkey/internal/config"
)

// logStart says which program starts, and with which settings other than the defaults. Secrets are masked.
func (a *App) logStart() {
	var changed []any
	for _, f := range config.Fields(&a.config) {
		if f.IsChanged() {
			changed = append(changed, slog.String(f.Name, f.Text()))
		}
	}

	a.log.Info("starting", "version", Version, "go", runtime.Version(), "argon2", a.argon2,
		slog.Group("settings", changed...))
}

// configureHashes reads the settings of password hashes.
func (a *App) configureHashes() {
	computes, err := a.Gate.Configure(a.config.Password)
	if err != nil {
		a.log.Error("argon2id is computed by golang.org/x/crypto, and a sign-in takes more CPU: report this processor to us",
			"cause", err.Error())
	}

	a.argon2 = computes
}
