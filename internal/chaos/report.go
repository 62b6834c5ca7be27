package main

import (
	"sync/atomic"
	"time"
)

// tally counts.
type tally struct {
	refreshes, repeats, replays, adoptions, lost, away, conflicts atomic.Int64
	kills, writesLost, signupsLost                                atomic.Int64
	spurious, forks, twice, odd                                   atomic.Int64
}

// report prints the table, and returns the exit code: 1 for a broken promise.
func (w *world) report() int {
	c := &w.count
	line := func(what string, value any) { w.say("  %-46s %v", what, value) }
	w.say("\nseed %d", w.seed)
	line("refreshes", c.refreshes.Load())
	line("repeats: a young token again", c.repeats.Load())
	line("answers lost", c.lost.Load())
	line("replays: the same successor again", c.replays.Load())
	line("no answer or 503: kept the tokens and repeated", c.away.Load())
	line("server kills", c.kills.Load())
	line("fail-overs", w.epoch.Load())
	line("rotations lost by it", c.writesLost.Load())
	line("sign-ups lost by it", c.signupsLost.Load())
	line("adoptions: phones ahead of the new primary", c.adoptions.Load())
	line("user ids given out", len(w.ids))
	line("user ids given out twice", c.twice.Load())
	line("second or wrong successors", c.forks.Load())
	line("conflicts between a thief and its victim", c.conflicts.Load())
	line("unexpected answers", c.odd.Load())
	line("SPURIOUS LOGOUTS", c.spurious.Load())
	w.say("\n  %-26s %8s %8s %8s   most refreshes of the victim until caught", "thefts (none across the", "planted", "caught", "missed")
	w.say("  fail-over)")
	for i, t := range w.thefts {
		if kinds[i].keyless {
			w.say("  %-26s %8d %8d %8s   %d", kinds[i].name, t.planted, t.caught, "-", t.most)
			continue
		}
		w.say("  %-26s %8d %8d %8d   %d", kinds[i].name, t.planted, t.caught, t.missed, t.most)
	}
	w.say("  %-26s %8d %8d %8d   without keys is outside the promise", "all with keys", w.planted(), w.caught(), w.missed())
	w.reportBursts()
	w.say("\n  %.0f seconds, %.0f refreshes/s", w.seconds, float64(c.refreshes.Load())/w.seconds)
	return w.verdict()
}

func (w *world) reportBursts() {
	w.say("\n  plain clients, each of %d calls at once refreshes by itself, up to %g s each way, a grace of %d s",
		atOnce, float64(longestWay)/1000, plainGrace)
	w.say("  %-30s %8s %10s %10s %8s %10s %10s", "", "bursts", "refreshes", "rotations", "lost", "conflicts", "sign-outs")
	for n, b := range w.bursts {
		w.say("  %-30s %8d %10d %10d %8d %10d %10d", ways[n].name, b.played.Load(), b.refreshes.Load(), b.rotations.Load(),
			b.lost.Load(), b.conflicts.Load(), b.signOuts.Load())
	}
	w.say("  the longest burst took %.1f s; a fresh key for each request: delays only, nothing is lost", w.longest.Seconds())
}

// rotations is the least that any way of plain clients has seen.
func (w *world) rotations() int64 {
	least := w.bursts[0].rotations.Load()
	for _, b := range w.bursts {
		least = min(least, b.rotations.Load())
	}
	return least
}

func (w *world) verdict() int {
	c := &w.count
	switch {
	case c.refreshes.Load() < w.refreshes:
		w.say("FAILED: fewer refreshes than asked for")
	case len(w.faults) > 0:
		w.say("FAILED: %d faults, the first: %s", len(w.faults), w.faults[0])
	case c.writesLost.Load() == 0 || c.adoptions.Load() == 0:
		w.say("FAILED: the fail-over lost nothing, so it proved nothing")
	case w.planted() == 0 || c.kills.Load() == 0:
		w.say("FAILED: no theft, or no kill, so nothing is proved")
	case w.rotations() == 0 || w.longest > plainGrace*time.Second:
		w.say("FAILED: no rotation in a burst, or a burst longer than the grace, so nothing is proved")
	default:
		w.say("ok: no honest phone and no plain client was logged out, every thief with keys was caught within %d refreshes of the victim", mostPromised)
		return 0
	}
	for _, text := range w.serverErrors() {
		w.say("the servers' last errors:\n%s", text)
	}
	return 1
}
