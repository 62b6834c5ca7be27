package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/latchkey-auth/latchkey/internal/config"
	"github.com/latchkey-auth/latchkey/internal/ops"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
)

// Version of the program.
const Version = "0.2.0-dev"

// commands is the command table; a file beside this one for each.
type commands struct {
	Serve    serveCommand    `cmd:"" help:"Serve the API, configured by the environment (latchkey config shows it)."`
	Dev      devCommand      `cmd:"" help:"Try it out: start a server with its own PostgreSQL and a demo user, and print a tour of curl commands."`
	Migrate  migrateCommand  `cmd:"" help:"Bring the database schema up to date, or show its state."`
	Keys     keysCommand     `cmd:"" help:"Make, list and rotate signing keys."`
	Users    usersCommand    `cmd:"" help:"Find, show and create users, sign them out, disable, enable and delete accounts."`
	Sessions sessionsCommand `cmd:"" help:"List and end the sessions of a user."`
	Tenants  tenantsCommand  `cmd:"" help:"List, show and create tenants, add and remove members."`
	Audit    auditCommand    `cmd:"" help:"Read the audit log: sign-ins, sign-outs, and changes to accounts."`
	Moving   movingCommand   `cmd:"" help:"Move in from another system: let requests wait, go live, see what is left."`
	Import   importCommand   `cmd:"" help:"Take over users, sessions and tokens of another system."`
	Export   exportCommand   `cmd:"" help:"Write all users and sessions in the format of latchkey import."`
	Outbox   outboxCommand   `cmd:"" help:"List and retry mails and texts that could not be sent."`
	Flows    flowsCommand    `cmd:"" help:"Print the stages of a sign-in as a page with a diagram (docs/flows.md)."`
	Config   configCommand   `cmd:"" help:"Show every setting and its effective value, secrets masked."`
	Ready    readyCommand    `cmd:"" help:"Check whether the server on this machine is ready: for health checks of containers."`
	Version  versionCommand  `cmd:"" help:"Show the version."`
}

// shell is what a command runs in.
type shell struct {
	ctx context.Context
	env config.Environment
	in  *os.File
	out io.Writer
	err io.Writer
	now postgres.Clock

	started     func()
	logSettings ops.LogSettings
	json        bool // print JSON: --json
}

// Exit codes.
const (
	exitOK       = 0
	exitFailed   = 1
	exitSettings = 2 // wrong settings or command line
)

// Main runs the program and returns its exit code. It calls started when the start of a server is complete, and before
// every other command.
func Main(args []string, started func()) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)

	// From the first signal on signals have their ordinary effect again, before anything begins
	// to end: a second one ends the program at once.
	go func() {
		select {
		case <-signals:
			signal.Stop(signals)
			cancel()
		case <-ctx.Done():
		}
	}()

	sh := &shell{ctx: ctx, env: config.FromProcess(), in: os.Stdin, out: os.Stdout, err: os.Stderr, now: time.Now, started: started}
	return sh.run(args)
}

func (sh *shell) run(args []string) int {
	var c commands
	exit := -1
	parser, err := kong.New(&c,
		kong.Name("latchkey"),
		kong.Description("Authentication for mobile and native apps.\n\nStart with `latchkey dev`: it needs nothing but PostgreSQL's programs on this machine.\nSettings come from the environment; `latchkey config` lists them."),
		kong.Writers(sh.out, sh.err),
		kong.UsageOnError(),
		kong.WithHyphenPrefixedParameters(true), // ids may begin with one
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Exit(func(code int) { exit = code }),
		kong.Bind(sh),
	)
	if err != nil {
		_, _ = fmt.Fprintln(sh.err, "latchkey:", err)
		return exitFailed
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	k, err := parser.Parse(separateHyphenated(args))
	if exit >= 0 { // --help has been shown
		return exit
	}
	if err != nil {
		_, _ = fmt.Fprintf(sh.err, "latchkey: %v\nTry: latchkey --help\n", err)
		return exitSettings
	}
	if k.Command() != "serve" {
		sh.started()
	}

	return sh.report(k.Run())
}

// report prints an error for the user of the terminal and returns the exit code.
func (sh *shell) report(err error) int {
	var settings *config.Error
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &settings):
		_, _ = fmt.Fprintln(sh.err, "latchkey: the settings are wrong:")
		for _, p := range settings.Problems {
			_, _ = fmt.Fprintln(sh.err, "  -", p)
		}
		_, _ = fmt.Fprintln(sh.err, "`latchkey config` shows every setting.")
		return exitSettings
	}
	var p *problem.Problem
	if errors.As(err, &p) && errors.Is(p, problem.TemporarilyUnavailable) && errors.Unwrap(p) != nil {
		err = fmt.Errorf("the database does not answer: %w", errors.Unwrap(p)) // the code of the problem is of no use at a terminal
	}
	_, _ = fmt.Fprintln(sh.err, "latchkey:", err)
	return exitFailed
}

// settings reads the environment and tells what in it has no effect.
func (sh *shell) settings() (config.Config, error) {
	c, warnings, err := config.Read(sh.env)
	for _, w := range warnings {
		_, _ = fmt.Fprintln(sh.err, "latchkey: warning:", w)
	}
	sh.logSettings = c.Log
	return c, err
}

// log is the log of a server. Before the settings are known it has the default form.
func (sh *shell) log() *slog.Logger { return ops.NewLogger(sh.err, sh.logSettings) }

// database opens the database for a command that is no server, with its schema current.
func (sh *shell) database() (*postgres.DB, config.Config, error) {
	d, c, err := sh.anyDatabase()
	if err != nil {
		return nil, c, err
	}
	if err := d.CheckSchema(sh.ctx); err != nil {
		d.Close()
		return nil, c, err
	}
	_, _ = d.SyncClock(sh.ctx) // what fails here, fails again at the command's work
	return d, c, nil
}

// anyDatabase opens the database, whatever its schema is.
func (sh *shell) anyDatabase() (*postgres.DB, config.Config, error) {
	c, err := sh.settings()
	if err != nil {
		return nil, c, err
	}
	if c.Database.URL == "" {
		return nil, c, &config.Error{Problems: []error{errors.New("DATABASE_URL: is needed")}}
	}
	d, err := postgres.Open(sh.ctx, c.Database, sh.now)
	if err != nil {
		return nil, c, &config.Error{Problems: []error{err}}
	}
	return d, c, nil
}

type versionCommand struct {
	JSON jsonFlag `name:"json" help:"Print JSON: one object a line."`
}

// versionLine is the version as JSON.
type versionLine struct {
	Version  string `json:"version"`
	Revision string `json:"revision"` // of the commit; empty where the build does not know it
	Go       string `json:"go"`
}

func (versionCommand) Run(sh *shell) error {
	line, text := versionLine{Version: Version, Go: runtime.Version()}, "latchkey "+Version
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				line.Revision = s.Value
				text += " (" + s.Value[:12] + ")"
			}
		}
	}

	return sh.print(line, text)
}
