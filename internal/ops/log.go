package ops

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
)

// LogSettings say what the log looks like.
type LogSettings struct {
	Level  string `env:"LATCHKEY_LOG_LEVEL" default:"info" doc:"Least level that is logged: debug, info, warn or error. Each request is a line of level info; 500 and above is error."`
	Format string `env:"LATCHKEY_LOG_FORMAT" default:"json" doc:"json or text (key=value), a line each, on standard error."`
}

var levels = map[string]slog.Level{
	"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
}

// Check returns what is wrong with the settings.
func (s LogSettings) Check() []error {
	var wrong []error
	if _, ok := levels[s.Level]; !ok {
		wrong = append(wrong, fmt.Errorf("LATCHKEY_LOG_LEVEL: %q is not debug, info, warn or error", s.Level))
	}

	if !slices.Contains([]string{"json", "text"}, s.Format) {
		wrong = append(wrong, fmt.Errorf("LATCHKEY_LOG_FORMAT: %q is not json or text", s.Format))
	}

	return wrong
}

// NewLogger makes a logger that writes to w. The zero settings are the defaults.
func NewLogger(w io.Writer, s LogSettings) *slog.Logger {
	options := &slog.HandlerOptions{Level: levels[s.Level]}
	if s.Format == "text" {
		return slog.New(slog.NewTextHandler(w, options))
	}

	return slog.New(slog.NewJSONHandler(w, options))
}
