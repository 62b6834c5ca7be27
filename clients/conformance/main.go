// Command conformance plays what happens to phones between a real Latchkey server and each
// client, and prints the table client × scenario. It owns the scenarios, the proxy with the
// network's faults, and the judgement; it does not know any client but through the
// protocol in README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	clients  []string
	commands map[string][]string
	server   string
	url      string
	services string
	database string
	only     *regexp.Regexp
	list     bool
	verbose  bool
	document string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	green, err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(2)
	}
	if !green {
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	o := options{commands: map[string][]string{}}
	flags := flag.NewFlagSet("conformance", flag.ContinueOnError)
	clients := flags.String("drivers", "go", "clients to play, comma-separated")
	defaults := map[string]string{
		"go": "", "typescript": "node clients/typescript/conformance/driver.mjs",
		"swift": "clients/swift/toolchain.sh .build/debug/latchkey-conformance", "other": "",
	}

	given := map[string]*string{}
	for name, command := range defaults {
		given[name] = flags.String(name+"-driver", command, "command of that driver, words separated by blanks; go: built where empty")
	}

	flags.StringVar(&o.server, "server", "", "a latchkey binary; built where empty")
	flags.StringVar(&o.url, "url", "", "a server that is running already, with ACCOUNT_RATE_LIMITS=false, ACCOUNT_EMAIL_VERIFICATION=none and MFA_ALLOW_UNVERIFIED_EMAIL=true, instead of one of our own")
	flags.StringVar(&o.services, "services", "", "with -url: where the server's Apple and Google are played, as latchkey dev prints it; without, their scenarios are red")
	flags.StringVar(&o.database, "database", "", "with -url: the address of the server's database, in which the kit makes refresh tokens old")
	only := flags.String("only", "", "play the scenarios whose id matches this regular expression")
	flags.BoolVar(&o.list, "list", false, "list the scenarios and what they hold")
	flags.StringVar(&o.document, "document", "", "a Markdown file whose last section, \"The table\", is written anew")
	flags.BoolVar(&o.verbose, "v", false, "tell each scenario as it ends")
	if err := flags.Parse(args); err != nil {
		return o, err
	}

	if o.url != "" && o.database == "" {
		return o, errors.New("-url needs -database: the kit makes the refresh tokens of that server old")
	}

	o.clients = strings.Split(*clients, ",")
	for name, command := range given {
		o.commands[name] = strings.Fields(*command)
	}

	var err error
	o.only, err = regexp.Compile(*only)
	return o, err
}

func run(ctx context.Context, args []string) (bool, error) {
	o, err := parse(args)
	if err != nil {
		return false, err
	}
	if o.list {
		return true, say(listed(scenarios))
	}

	dir, err := os.MkdirTemp("", "latchkey-conformance-")
	if err != nil {
		return false, err
	}
	defer func() { _ = os.RemoveAll(dir) }()

	if err := os.Chmod(dir, 0o711); err != nil {
		return false, err
	}

	if err := build(ctx, dir, &o); err != nil {
		return false, err
	}

	server, err := startServer(ctx, dir, o)
	if err != nil {
		return false, err
	}
	defer server.stop()

	from := time.Now()
	t := play(o, server, dir)
	summary := fmt.Sprintf("%d scenarios, %d clients, %.1f s\n", len(t.rows), len(o.clients), time.Since(from).Seconds())
	if err := say(t.text() + summary); err != nil {
		return false, err
	}
	if o.document != "" {
		if err := t.document(o.document); err != nil {
			return false, err
		}
	}

	return t.green(), nil
}

func say(text string) error {
	_, err := os.Stdout.WriteString(text)
	return err
}

// build makes what was not given.
func build(ctx context.Context, dir string, o *options) error {
	if o.server == "" && o.url == "" {
		o.server = filepath.Join(dir, "latchkey")
		if err := goBuild(ctx, ".", o.server, "."); err != nil {
			return err
		}
	}

	for _, client := range o.clients {
		switch {
		case client == "go" && len(o.commands["go"]) == 0:
			driver := filepath.Join(dir, "driver-go")
			if err := goBuild(ctx, "clients/go", driver, "./internal/driver"); err != nil {
				return err
			}
			o.commands["go"] = []string{driver}
		case len(o.commands[client]) == 0:
			return fmt.Errorf("no command for the driver %q", client)
		}
	}

	return nil
}

// goBuild builds a package of the module in that folder.
func goBuild(ctx context.Context, module, out, pkg string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-C", module, "-trimpath", "-o", out, pkg)
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

// play runs every scenario against every client.
func play(o options, server *server, dir string) *table {
	t := &table{clients: o.clients}
	for _, s := range scenarios {
		if !o.only.MatchString(s.id) {
			continue
		}
		r := row{scenario: s, cells: map[string]*cell{}}
		for _, client := range o.clients {
			c := s.run(device{client: client, command: o.commands[client], server: server.url, services: server.services, dir: dir})
			r.cells[client] = c
			if o.verbose {
				_ = say(fmt.Sprintf("%-34s %-11s %-5s %6d ms\n", s.id, client, c.word(), c.took.Milliseconds())) // the table follows
			}
		}
		t.rows = append(t.rows, r)
	}
	return t
}
