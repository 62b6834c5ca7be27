package ops

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are what the server counts, for Prometheus. No label holds anything that a client chose:
// operations, codes, verdicts and chores come from lists in the program.
type Metrics struct {
	registry *prometheus.Registry

	requests  *prometheus.CounterVec
	latency   *prometheus.HistogramVec
	refreshes *prometheus.CounterVec
	old       *prometheus.CounterVec
	gateWait  prometheus.Histogram
	gateShed  prometheus.Counter
	rows      *prometheus.CounterVec
	steps     *prometheus.HistogramVec
}

// requestBuckets are seconds: a look-up takes less than a millisecond, a sign-in 25 ms, and a request
// ends after 8 s at most.
var requestBuckets = []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}

// NewMetrics makes the metrics of a program of this version.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "latchkey_http_requests_total",
			Help: "Answers, by operation of openapi.yaml, status and code of the first error (empty for none).",
		}, []string{"operation", "status", "code"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "latchkey_http_request_duration_seconds", Help: "Time from a request to its answer, by operation.",
			Buckets: requestBuckets,
		}, []string{"operation"}),
		refreshes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "latchkey_refreshes_total",
			Help: "Refresh tokens presented, by verdict. reuse is a stolen token, or a client that lost its store.",
		}, []string{"verdict"}),
		old: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "latchkey_old_tokens_total",
			Help: "Tokens of the system that the service moved in from, by use and verdict.",
		}, []string{"use", "verdict"}),
		gateWait: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "latchkey_password_gate_wait_seconds", Help: "Time that a request waited for a slot to hash a password.",
			Buckets: requestBuckets,
		}),
		gateShed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "latchkey_password_gate_shed_total", Help: "Requests answered with 503 because no slot to hash a password was free in time.",
		}),
		rows: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "latchkey_janitor_rows_total", Help: "Rows that the janitor took, by chore.",
		}, []string{"chore"}),
		steps: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "latchkey_janitor_step_seconds", Help: "Time of one step of the janitor, by chore.",
			Buckets: []float64{0.01, 0.05, 0.1, 0.5, 1, 3},
		}, []string{"chore"}),
	}
	m.registry.MustRegister(m.requests, m.latency, m.refreshes, m.old, m.gateWait, m.gateShed, m.rows, m.steps,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), buildInfo(version))

	return m
}

func buildInfo(version string) prometheus.Collector {
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "latchkey_build_info", Help: "1, with the version of the program.", ConstLabels: prometheus.Labels{"version": version},
	})
	info.Set(1)

	return info
}

// Register adds a collector that reads its figures when it is asked.
func (m *Metrics) Register(c prometheus.Collector) { m.registry.MustRegister(c) }

// Handler answers /metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{EnableOpenMetrics: true})
}

// KnowVerdicts makes every verdict a series from the start: an alert needs a zero to rise from.
func (m *Metrics) KnowVerdicts(names ...string) {
	for _, name := range names {
		m.refreshes.WithLabelValues(name)
	}
}

// CountRequest counts an answer. operation is an operationId, or empty for a path that is none of ours.
func (m *Metrics) CountRequest(operation string, status int, code string, took time.Duration) {
	if operation == "" {
		operation = "unknown"
	}

	m.requests.WithLabelValues(operation, strconv.Itoa(status), code).Inc()
	m.latency.WithLabelValues(operation).Observe(took.Seconds())
}

// CountRefresh counts a refresh token that was presented.
func (m *Metrics) CountRefresh(verdict string) { m.refreshes.WithLabelValues(verdict).Inc() }

// CountOld counts a token of the system that the service moved in from.
func (m *Metrics) CountOld(use, verdict string) { m.old.WithLabelValues(use, verdict).Inc() }

// CountGate counts a wait for a slot to hash a password; shed says that none was free in time.
func (m *Metrics) CountGate(waited time.Duration, shed bool) {
	if shed {
		m.gateShed.Inc()
		return
	}

	m.gateWait.Observe(waited.Seconds())
}

// CountStep counts a step of the janitor.
func (m *Metrics) CountStep(chore string, rows int64, took time.Duration) {
	m.rows.WithLabelValues(chore).Add(float64(rows))
	m.steps.WithLabelValues(chore).Observe(took.Seconds())
}
