package ops

import (
	"context"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/trace"
)

// filled are metrics with a value of each kind.
func filled() *Metrics {
	m := NewMetrics("1.2.3")
	m.KnowVerdicts("rotate", "reuse")
	m.CountRequest("login", 200, "", time.Millisecond)
	m.CountRefresh("rotate")
	m.CountOld("refresh", "rotate")
	m.CountGate(time.Millisecond, false)
	m.CountGate(time.Second, true)
	m.CountStep("rate limits", 3, time.Millisecond)
	m.Register(NewPools(func() map[string]postgres.PoolFigures {
		return map[string]postgres.PoolFigures{"requests": {Most: 16, Open: 3, Busy: 1, Waits: 2, WaitedSeconds: 0.5}}
	}))
	m.Register(NewTraces(func() trace.Figures { return trace.Figures{Exported: 5, Failed: 1, Dropped: 2} }))
	m.Register(NewQueue(func(context.Context) (QueueFigures, error) {
		return QueueFigures{Waiting: 4, Failed: 1, Oldest: time.Minute}, nil
	}, time.Now))

	return m
}

func TestMetrics_keepToPrometheussRules(t *testing.T) {
	problems, err := testutil.GatherAndLint(filled().registry)
	if err != nil {
		t.Fatal(err)
	}

	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "latchkey_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

func TestMetrics_showPoolsAndOutbox(t *testing.T) {
	want := `# HELP latchkey_database_connections Connections to the database, by pool and state.
# TYPE latchkey_database_connections gauge
latchkey_database_connections{pool="requests",state="busy"} 1
latchkey_database_connections{pool="requests",state="idle"} 2
# HELP latchkey_outbox_messages Mails and texts that are not sent, by state: waiting, or failed (given up).
# TYPE latchkey_outbox_messages gauge
latchkey_outbox_messages{state="failed"} 1
latchkey_outbox_messages{state="waiting"} 4
# HELP latchkey_outbox_oldest_seconds Age of the message that waits longest.
# TYPE latchkey_outbox_oldest_seconds gauge
latchkey_outbox_oldest_seconds 60
`
	err := testutil.GatherAndCompare(filled().registry, strings.NewReader(want),
		"latchkey_database_connections", "latchkey_outbox_messages", "latchkey_outbox_oldest_seconds")
	if err != nil {
		t.Error(err)
	}
}

func TestQueue_isReadOnceInTenSecondsAndMissingWhenItCannotBeRead(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	reads := 0
	var down error
	m := NewMetrics("1.2.3")
	m.Register(NewQueue(func(context.Context) (QueueFigures, error) {
		reads++
		return QueueFigures{Waiting: int64(reads)}, down
	}, func() time.Time { return now }))

	shown := func() int {
		t.Helper()
		n, err := testutil.GatherAndCount(m.registry, "latchkey_outbox_messages")
		if err != nil {
			t.Fatal(err)
		}

		return n
	}

	if n := shown() + shown(); n != 4 || reads != 1 {
		t.Errorf("%d series of two looks and %d readings, want 4 and 1", n, reads)
	}

	now, down = now.Add(queueEvery), errors.New("away")
	if n := shown(); n != 0 || reads != 2 {
		t.Errorf("%d series and %d readings while the database is away, want 0 and 2", n, reads)
	}
}

func TestMetrics_areAllDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}

	families, err := filled().registry.Gather()
	if err != nil {
		t.Fatal(err)
	}

	var shown []string
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "latchkey_") {
			shown = append(shown, f.GetName())
		}
	}

	var documented []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(latchkey_[a-z_]+)` ").FindAllStringSubmatch(string(page), -1) {
		documented = append(documented, row[1])
	}
	slices.Sort(documented)

	if !slices.Equal(shown, documented) {
		t.Errorf("docs/operate.md lists %v, the program has %v", documented, shown)
	}
}
