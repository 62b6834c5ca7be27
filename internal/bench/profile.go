package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// log measures what the log line of every request costs: the same server twice, one of
// them without a log.
func (b *bench) log(p plan, database string) error {
	loud, err := b.myself(database, "serve", "log")
	if err != nil {
		return err
	}
	defer loud.stop()
	quiet, err := b.myself(database, "serve", "quiet")
	if err != nil {
		return err
	}
	defer quiet.stop()
	list, err := b.access(p.rows, p.hits, p.misses)
	if err != nil {
		return err
	}
	for _, c := range []*child{loud, quiet} {
		if err := b.warm(c, list); err != nil {
			return err
		}
	}
	ask := func(int) (load, error) { return b.asking(list, true), nil }
	x, y, err := pair{b.rounds, ask, ask}.run(loud, quiet)
	if err != nil {
		return err
	}
	with, without := sideOf(x), sideOf(y)
	b.report.note("The log line of a request costs %.1f us of CPU: %.1f with it, %.1f without (look-up, token seen before; %.0f and %.0f requests/s).",
		with.CPU-without.CPU, with.CPU, without.CPU, with.Rate, without.Rate)
	return nil
}

// profiles writes CPU profiles of look-up and refresh, of the server's own code in a
// process that can be profiled.
func (b *bench) profiles() error {
	if err := os.MkdirAll(b.profile, 0o700); err != nil {
		return err
	}
	p := b.plan()
	database, err := b.database("bench", p.rows)
	if err != nil {
		return err
	}
	list, err := b.access(p.rows, 1, 1+mixed)
	if err != nil {
		return err
	}
	seen, err := b.access(p.rows, p.hits, p.misses)
	if err != nil {
		return err
	}
	never, err := b.access(p.rows, p.misses, p.ours)
	if err != nil {
		return err
	}
	mine, err := b.spender(p.rows, database, p.ours, true)
	if err != nil {
		return err
	}
	refreshes, err := mine.turn(0)
	if err != nil {
		return err
	}
	warm := b.asking(seen, false)
	for _, one := range []struct {
		name   string
		before *load
		load
	}{
		{"lookup-mixed", nil, b.asking(shuffled(list, shown), false)},
		{"lookup-seen", &warm, b.asking(seen, true)},
		{"lookup-never", nil, b.asking(never, false)},
		{"refresh", nil, refreshes},
	} {
		if err := b.profiled(one.name, database, one.before, one.load); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) profiled(name, database string, before *load, l load) error {
	file, err := filepath.Abs(filepath.Join(b.profile, name+".pprof"))
	if err != nil {
		return err
	}
	c, err := b.myself(database, "serve", "log", file)
	if err != nil {
		return err
	}
	defer c.stop()
	if before != nil {
		before.run(c)
	}
	_ = os.Remove(file + ".allocations")
	_ = c.cmd.Process.Signal(syscall.SIGUSR1)
	time.Sleep(50 * time.Millisecond)
	r := l.run(c)
	_ = c.cmd.Process.Signal(syscall.SIGUSR2)
	if r.failed > 0 || r.requests == 0 {
		return fmt.Errorf("%s: %d of %d failed: %s", name, r.failed, r.requests+r.failed, r.why)
	}
	var allocations, bytes float64
	for range 200 {
		time.Sleep(10 * time.Millisecond)
		text, err := os.ReadFile(file + ".allocations")
		if err == nil {
			_, err = fmt.Sscan(string(text), &allocations, &bytes)
			b.report.note("%s: %.0f requests/s, %.0f allocations and %.0f bytes a request, %s of CPU; go tool pprof -top %s",
				name, r.rate(), allocations/float64(r.requests), bytes/float64(r.requests), r.cpuEach(), file)
			return err
		}
	}
	return errors.New("the profile was not written")
}
