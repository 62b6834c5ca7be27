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

	a.log.Info("starting", "version", Version, "go", runtime.Version(), slog.Group("settings", changed...))
}
