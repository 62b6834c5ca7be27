package trace

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// Figures are spans, by what became of them.
type Figures struct {
	Exported int64 // the collector took them
	Failed   int64 // it did not
	Dropped  int64 // too many waited already
}

// queue sends spans in batches, beside the requests. Of more spans than the settings allow to wait it
// drops the newest: a request never waits for the collector (TestTraces_aCollectorThatIsAwayChangesNothing).
//
// The library's queue drops, too, and does not say how many. So this one counts in front of it, and lets
// no more in than the library has space for.
type queue struct {
	sdk.SpanProcessor

	most    int64
	waiting atomic.Int64
	dropped atomic.Int64
	sent    *counting
	reports *reports
}

func newQueue(s Settings, exporter sdk.SpanExporter, r *reports) *queue {
	q := &queue{most: int64(s.Queue), reports: r}
	q.sent = &counting{SpanExporter: exporter, queue: q}
	q.SpanProcessor = sdk.NewBatchSpanProcessor(q.sent,
		sdk.WithMaxQueueSize(s.Queue), sdk.WithMaxExportBatchSize(min(s.Batch, s.Queue)),
		sdk.WithBatchTimeout(time.Duration(s.Delay)*time.Millisecond),
		sdk.WithExportTimeout(time.Duration(s.ExportTimeout)*time.Millisecond),
	)

	return q
}

// OnEnd is called when a span ends.
func (q *queue) OnEnd(span sdk.ReadOnlySpan) {
	if !span.SpanContext().IsSampled() {
		return
	}

	if q.waiting.Add(1) > q.most {
		q.waiting.Add(-1)
		q.dropped.Add(1)
		q.reports.note("spans are dropped: too many wait for the collector")

		return
	}

	q.SpanProcessor.OnEnd(span)
}

// giveUp counts what still waits as failed.
func (q *queue) giveUp() {
	if left := q.waiting.Swap(0); left > 0 {
		q.sent.failed.Add(left)
		q.reports.log.Warn("traces: spans were not sent before the end", "spans", left)
	}
}

func (q *queue) figures() Figures {
	return Figures{Exported: q.sent.exported.Load(), Failed: q.sent.failed.Load(), Dropped: q.dropped.Load()}
}

// counting counts what an exporter does.
type counting struct {
	sdk.SpanExporter

	queue            *queue
	exported, failed atomic.Int64
}

// ExportSpans sends spans. It returns no error: the library would print it.
func (c *counting) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := c.SpanExporter.ExportSpans(ctx, spans)

	n := int64(len(spans))
	c.queue.waiting.Add(-n)

	if err == nil {
		c.exported.Add(n)

		return nil
	}

	c.failed.Add(n)
	c.queue.reports.note("the collector does not take spans")

	return nil
}

// watched remembers how the last request to the collector ended.
//
// Security: not what the collector answered: that may repeat a header (TestTraces_holdNoSecretAndNoAddress).
type watched struct {
	http.RoundTripper

	reports *reports
}

// RoundTrip sends a request.
func (w watched) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := w.RoundTripper.RoundTrip(r)
	if err != nil {
		w.reports.remember(err.Error())

		return nil, err
	}

	w.reports.remember(answer.Status[:min(len(answer.Status), 3)])

	return answer, nil
}

// reportEvery is the shortest time between two lines of the log.
const reportEvery = time.Minute

// reports writes what goes wrong into the log, one line a minute at most.
type reports struct {
	log *slog.Logger
	now func() time.Time

	mu   sync.Mutex
	last time.Time
	end  string // of the last request to the collector: its status, or an error of the network
}

func (r *reports) remember(end string) {
	r.mu.Lock()
	defer r.mu.Unlock()

	r.end = end
}

func (r *reports) note(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()

	now := r.now()
	if !r.last.IsZero() && now.Sub(r.last) < reportEvery {
		return
	}

	r.last = now
	r.log.Warn("traces: "+what, "last_answer", r.end)
}
