package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// cost is what one call of a path costs.
type cost struct {
	name                              string
	server, database, statements, log float64
	parts                             []part
}

// part is a statement and how often a call runs it.
type part struct {
	name  string
	calls float64
}

// figures are readings of counters that only rise.
type figures struct {
	server, database float64 // seconds
	log              float64 // bytes
}

// measure plays a path, and returns what one call of it cost. What a server does beside requests (messages, the
// janitor) is in the processor time.
func (s *stage) measure(ctx context.Context, name string, play func(context.Context) (int, error)) (cost, error) {
	if _, err := s.control.Exec(ctx, "SELECT pg_stat_statements_reset()"); err != nil {
		return cost{}, err
	}
	before, err := s.read(ctx)
	if err != nil {
		return cost{}, err
	}
	calls, err := play(ctx)
	if err != nil {
		return cost{}, err
	}
	after, err := s.read(ctx)
	if err != nil {
		return cost{}, err
	}

	n := float64(calls)
	c := cost{name: name, server: (after.server - before.server) / n, log: (after.log - before.log) / n}
	c.database = (after.database - before.database) / n
	c.parts, err = s.parts(ctx, n)
	for _, p := range c.parts {
		c.statements += p.calls
	}

	return c, err
}

func (s *stage) read(ctx context.Context) (figures, error) {
	var f figures
	f.server = processorTime(s.server.Process.Pid)

	text, err := os.ReadFile(filepath.Join(s.database.Root(), "data", "postmaster.pid"))
	if err != nil {
		return f, err
	}
	postmaster, err := strconv.Atoi(strings.SplitN(string(text), "\n", 2)[0])
	if err != nil {
		return f, err
	}
	f.database = processorTime(postmaster)
	for _, child := range children(postmaster) {
		f.database += processorTime(child)
	}

	return f, s.control.QueryRow(ctx, "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::double precision").Scan(&f.log)
}

var queryName = regexp.MustCompile(`-- name: (\w+)`)

// parts are the statements that a call runs, but for those that only some calls run and what asks for the figures.
func (s *stage) parts(ctx context.Context, calls float64) ([]part, error) {
	rows, err := s.control.Query(ctx, `SELECT query, sum(calls)::double precision FROM pg_stat_statements
		WHERE query !~ 'pg_stat_statements|pg_wal_lsn|river' GROUP BY query ORDER BY 2 DESC, 1`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()

	var all []part
	for rows.Next() {
		var p part
		if err := rows.Scan(&p.name, &p.calls); err != nil {
			return nil, err
		}
		if p.calls /= calls; p.calls < 0.05 {
			continue
		}
		if found := queryName.FindStringSubmatch(p.name); found != nil {
			p.name = found[1]
		}
		p.name = strings.Join(strings.Fields(p.name), " ")
		p.name = p.name[:min(100, len(p.name))]
		all = append(all, p)
	}

	return all, rows.Err()
}

// processorTime is what a process and its ended children have used, in seconds.
func processorTime(pid int) float64 {
	words := stat(pid)
	if len(words) < 15 {
		return 0
	}
	ticks := 0.0
	for _, word := range words[11:15] { // utime, stime, cutime, cstime
		n, _ := strconv.ParseFloat(word, 64)
		ticks += n
	}

	return ticks * (10 * time.Millisecond).Seconds()
}

// stat are the words of a process's stat after its name: the first is its state, the second its parent.
func stat(pid int) []string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, _ := strings.Cut(string(text), ") ")

	return strings.Fields(after)
}

func children(pid int) []int {
	var all []int
	folders, _ := filepath.Glob("/proc/[0-9]*")
	for _, folder := range folders {
		child, _ := strconv.Atoi(filepath.Base(folder))
		if words := stat(child); len(words) > 1 && words[1] == strconv.Itoa(pid) {
			all = append(all, child)
		}
	}

	return all
}
