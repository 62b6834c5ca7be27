package ops

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// QueueFigures are the figures of the outbox.
type QueueFigures struct {
	Waiting, Failed int64
	Oldest          time.Duration // age of the message that waits longest; 0 for none
}

// queueEvery is how long figures of the outbox are kept: every server of an installation tells the
// same ones, and each reading is a statement.
const queueEvery = 10 * time.Second

// queue reads the figures of the outbox when Prometheus asks.
type queue struct {
	read func(context.Context) (QueueFigures, error)
	now  func() time.Time

	messages, oldest *prometheus.Desc

	mu      sync.Mutex
	figures QueueFigures
	readAt  time.Time
}

// NewQueue collects the figures of the outbox. When they cannot be read they are missing: Prometheus
// shows a gap and not a zero.
func NewQueue(read func(context.Context) (QueueFigures, error), now func() time.Time) prometheus.Collector {
	return &queue{
		read: read, now: now,
		messages: prometheus.NewDesc("latchkey_outbox_messages", "Mails and texts that are not sent, by state: waiting, or failed (given up).",
			[]string{"state"}, nil),
		oldest: prometheus.NewDesc("latchkey_outbox_oldest_seconds", "Age of the message that waits longest.", nil, nil),
	}
}

// Describe sends the descriptions of the figures.
func (q *queue) Describe(out chan<- *prometheus.Desc) {
	out <- q.messages
	out <- q.oldest
}

// Collect sends the figures.
func (q *queue) Collect(out chan<- prometheus.Metric) {
	f, ok := q.current()
	if !ok {
		return
	}

	out <- prometheus.MustNewConstMetric(q.messages, prometheus.GaugeValue, float64(f.Waiting), "waiting")
	out <- prometheus.MustNewConstMetric(q.messages, prometheus.GaugeValue, float64(f.Failed), "failed")
	out <- prometheus.MustNewConstMetric(q.oldest, prometheus.GaugeValue, f.Oldest.Seconds())
}

func (q *queue) current() (QueueFigures, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()

	now := q.now()
	if !q.readAt.IsZero() && now.Sub(q.readAt) < queueEvery {
		return q.figures, true
	}

	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()

	figures, err := q.read(ctx)
	if err != nil {
		return QueueFigures{}, false
	}

	q.figures, q.readAt = figures, now

	return figures, true
}
