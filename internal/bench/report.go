package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"text/tabwriter"
	"time"
)

// report is everything that was measured.
type report struct {
	Machine map[string]any `json:"machine"`
	Paths   []path         `json:"paths"`
	Claims  []claim        `json:"claims"`
	Notes   []string       `json:"notes"`
	// opponent is whom the paths are compared with.
	opponent string
}

// path is one comparison with the reference.
type path struct {
	What   string       `json:"what"`
	Ours   side         `json:"ours"`
	Theirs side         `json:"reference"`
	Ratio  [3]float64   `json:"ratio_min_median_max"`
	Rounds [][2]float64 `json:"requests_per_second_by_round"`
	Floor  float64      `json:"floor,omitempty"`
	OK     bool         `json:"ok"`
	// Opponent is another server than the reference.
	Opponent string `json:"opponent,omitempty"`
}

// side is one server's part of it: medians over the rounds, times in microseconds.
type side struct {
	Rate   float64 `json:"requests_per_second"`
	P50    float64 `json:"p50_us"`
	P99    float64 `json:"p99_us"`
	CPU    float64 `json:"cpu_us_per_request"`
	Memory float64 `json:"resident_mb"`
}

// claim is one number that must be at least, or at most, a limit.
type claim struct {
	What  string  `json:"what"`
	Value float64 `json:"value"`
	Limit float64 `json:"limit"`
	Most  bool    `json:"at_most"`
	Unit  string  `json:"unit,omitempty"`
	Note  string  `json:"note,omitempty"`
}

func (c claim) ok() bool {
	if c.Most {
		return c.Value <= c.Limit
	}
	return c.Value >= c.Limit
}

func (r *report) claim(c claim) { r.Claims = append(r.Claims, c) }

func (r *report) note(format string, values ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, values...))
}

func (r *report) compare(what string, floor float64, ours, theirs []result) {
	p := path{What: what, Floor: floor, Ours: sideOf(ours), Theirs: sideOf(theirs)}
	var ratios []float64
	for n := range ours {
		for _, one := range []result{ours[n], theirs[n]} {
			if one.failed > 0 {
				r.note("%s: %d of %d requests failed in round %d: %s", what, one.failed, one.failed+one.requests, n+1, one.why)
			}
		}
		ratios = append(ratios, ours[n].rate()/theirs[n].rate())
		p.Rounds = append(p.Rounds, [2]float64{ours[n].rate(), theirs[n].rate()})
	}
	slices.Sort(ratios)
	p.Ratio = [3]float64{ratios[0], ratios[len(ratios)/2], ratios[len(ratios)-1]}
	p.OK = p.Ratio[1] >= floor
	r.Paths = append(r.Paths, p)
}

func sideOf(rounds []result) side {
	median := func(value func(result) float64) float64 {
		var all []float64
		for _, r := range rounds {
			all = append(all, value(r))
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	us := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
	return side{
		Rate:   median(result.rate),
		P50:    median(func(r result) float64 { return us(r.at(0.5)) }),
		P99:    median(func(r result) float64 { return us(r.at(0.99)) }),
		CPU:    median(func(r result) float64 { return us(r.cpuEach()) }),
		Memory: median(func(r result) float64 { return r.memory }),
	}
}

// merged is the times of all rounds.
func merged(rounds []result) result {
	var all result
	for _, r := range rounds {
		all.times = append(all.times, r.times...)
	}
	slices.Sort(all.times)
	return all
}

func verdict(ok bool) string {
	if ok {
		return "OK"
	}
	return "BELOW"
}

// print writes the tables.
func (r *report) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(format string, values ...any) { _, _ = fmt.Fprintf(t, format+"\t\n", values...) }
	if len(r.Paths) > 0 {
		line("path\t\trequests/s\tp50 ms\tp99 ms\tCPU us/request\tresident MB\tratio min\tmedian\tmax\tfloor\t")
	}
	for _, p := range r.Paths {
		floor, judged := "", ""
		if p.Floor > 0 {
			floor, judged = fmt.Sprintf("%.2f", p.Floor), verdict(p.OK)
		}
		s := p.Ours
		line("%s\tlatchkey\t%.0f\t%.2f\t%.2f\t%.0f\t%.0f\t%.2f\t%.2f\t%.2f\t%s\t%s", p.What, s.Rate, s.P50/1000, s.P99/1000, s.CPU, s.Memory,
			p.Ratio[0], p.Ratio[1], p.Ratio[2], floor, judged)
		s = p.Theirs
		line("\t"+cmp.Or(p.Opponent, r.opponent)+"\t%.0f\t%.2f\t%.2f\t%.0f\t%.0f\t\t\t\t\t", s.Rate, s.P50/1000, s.P99/1000, s.CPU, s.Memory)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line("")
	for _, c := range r.Claims {
		sign := ">="
		if c.Most {
			sign = "<="
		}
		line("%s\t%.4g %s\t%s %g\t%s\t%s", c.What, c.Value, c.Unit, sign, c.Limit, verdict(c.ok()), c.Note)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, n := range r.Notes {
		if _, err := fmt.Fprintln(w, "\n"+n); err != nil {
			return err
		}
	}
	return nil
}

func (r *report) save(file string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o600)
}

func ms(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d.Microseconds())/1000) }

// anyOf is a number from 1 to n.
func anyOf(n int) int { return 1 + rand.IntN(n) }
