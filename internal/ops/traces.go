package ops

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/latchkey-auth/latchkey/internal/trace"
)

// traces reads the figures of traces when Prometheus asks.
type traces struct {
	read  func() trace.Figures
	spans *prometheus.Desc
}

// NewTraces collects the figures of traces.
func NewTraces(read func() trace.Figures) prometheus.Collector {
	return &traces{
		read: read,
		spans: prometheus.NewDesc("latchkey_trace_spans_total",
			"Spans by result: exported, failed (the collector did not take them), dropped (too many waited).", []string{"result"}, nil),
	}
}

// Describe sends the description of the figures.
func (t *traces) Describe(out chan<- *prometheus.Desc) { out <- t.spans }

// Collect sends the figures.
func (t *traces) Collect(out chan<- prometheus.Metric) {
	f := t.read()

	for result, n := range map[string]int64{"exported": f.Exported, "failed": f.Failed, "dropped": f.Dropped} {
		out <- prometheus.MustNewConstMetric(t.spans, prometheus.CounterValue, float64(n), result)
	}
}
