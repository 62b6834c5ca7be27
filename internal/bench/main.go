// Command bench compares Latchkey with the least that could do the same work: plain
// handlers with the one statement that cannot be avoided, and no more. The two run beside
// each other, as processes of their own on one PostgreSQL, and are asked in turn by the
// same clients: what is printed is the ratio, which holds on a slow and busy machine, too.
// `make bench` runs it; it is no part of the program.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	binary  string
	against string
	json    string
	rounds  int
	lasting time.Duration
	temper  time.Duration
	big     bool
	only    string
	profile string
	report  *report
	many    int
	janitor int
	peers   string
	svg     string
}

func main() {
	if err := task(os.Args[1:], os.Stdout); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func readOptions(args []string) (options, error) {
	o := options{report: &report{}}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.StringVar(&o.binary, "server", "bin/latchkey", "the program to measure")
	f.StringVar(&o.against, "against", "", "another build of it, to stand in for the reference")
	f.StringVar(&o.json, "json", "", "a file to write the numbers to")
	f.IntVar(&o.rounds, "rounds", 5, "how often each side has its turn")
	f.DurationVar(&o.lasting, "lasting", 2*time.Second, "how long a turn lasts")
	f.DurationVar(&o.temper, "temper", 250*time.Millisecond, "how long people wait that were turned away in the storm")
	f.BoolVar(&o.big, "big", false, "2,000,000 sessions instead of 200,000")
	f.StringVar(&o.only, "only", "", "of lookup,refresh,login,peers,storm,start,size,log those that are named")
	f.IntVar(&o.janitor, "janitor", 0, "measure the janitor alone, beside so many sessions on disk; 10,000,000 take 15 GB")
	f.StringVar(&o.profile, "profile", "", "a directory: profile look-up and refresh instead of comparing")
	f.StringVar(&o.peers, "peers", "", "the folder of other servers, after npm ci: measure beside them, too")
	f.StringVar(&o.svg, "svg", "", "a file to draw the comparison with other servers to")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, errUsage
	}
	o.many = 200000
	if o.big {
		o.many = 2000000
	}
	return o, nil
}

func measure(args []string, out io.Writer) error {
	o, err := readOptions(args)
	if err != nil {
		return err
	}
	debug.SetGCPercent(400) // of the clients, which shall cost little
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if o.janitor > 0 {
		err = janitor(ctx, o)
	} else {
		err = compare(ctx, o)
	}
	if err != nil {
		return err
	}
	if err := o.report.print(out); err != nil {
		return err
	}
	if o.svg != "" {
		if err := o.report.draw(o.svg); err != nil {
			return err
		}
	}
	if o.json != "" {
		return o.report.save(o.json)
	}
	return nil
}

// compare measures the program beside the reference.
func compare(ctx context.Context, o options) error {
	b, err := open(ctx, o)
	if err != nil {
		return err
	}
	defer b.close()
	b.describe()

	if o.profile != "" {
		return b.profiles()
	}

	return b.all()
}

func (b *bench) describe() {
	where := "in memory (/dev/shm)"
	if !strings.HasPrefix(b.dir, "/dev/shm") {
		where = "on the disk of the temporary directory"
	}
	busy, _ := os.ReadFile("/proc/loadavg")
	b.report.Machine = map[string]any{
		"processors": runtime.NumCPU(), "go": runtime.Version(), "rounds": b.rounds, "seconds": b.lasting.Seconds(), "clients": clients, "pool": poolSize, "load_before": string(busy[:min(4, len(busy))]),
	}
	b.report.note("PostgreSQL with its default settings (fsync, full_page_writes, synchronous_commit on), its data %s.\n"+
		"%d processors for clients, servers and database together; %d connections of clients, %d to the database on either side.\n"+
		"Load of the machine before the first measurement: %s. Allocations cannot be seen from outside of a process: -profile counts them.\n"+
		"The servers' logs go to /dev/null.", where, runtime.NumCPU(), clients, poolSize, busy[:min(4, len(busy))])
}

// wants reports whether a path is to be measured.
func (b *bench) wants(name string) bool {
	return b.only == "" || strings.Contains(","+b.only+",", ","+name+",")
}

// all measures every path.
func (b *bench) all() error {
	p := b.plan()
	database, err := b.database("bench", p.rows)
	if err != nil {
		return err
	}
	if err := b.beside(p, database); err != nil {
		return err
	}
	if b.peers != "" && b.wants("peers") {
		if err := b.besidePeers(p, database); err != nil {
			return err
		}
	}
	if b.wants("log") {
		if err := b.log(p, database); err != nil {
			return err
		}
	}
	if b.wants("storm") {
		if err := b.storm(p, database); err != nil {
			return err
		}
	}
	if b.wants("start") {
		if err := b.starts(database); err != nil {
			return err
		}
	}
	if b.wants("size") {
		return b.sizes()
	}
	return nil
}

// beside measures what there is a reference for.
func (b *bench) beside(p plan, database string) error {
	ours, err := b.server(database)
	if err != nil {
		return err
	}
	defer ours.stop()
	theirs, err := b.opponent(database)
	if err != nil {
		return err
	}
	defer theirs.stop()
	if b.wants("lookup") {
		if err := b.lookups(p, ours, theirs); err != nil {
			return err
		}
		if err := b.firstShown(p, database, ours); err != nil {
			return err
		}
	}
	if b.wants("refresh") {
		if err := b.refreshes(p, database, ours, theirs); err != nil {
			return err
		}
	}
	if b.wants("login") {
		return b.logins(ours, theirs)
	}
	return nil
}

// opponent is the reference, or another build of ourselves.
func (b *bench) opponent(database string) (*child, error) {
	b.report.opponent = "reference"
	if b.against != "" {
		b.report.opponent = "other build"
		return b.start("the other build", database, b.against, "serve")
	}
	return b.myself(database, "reference")
}
