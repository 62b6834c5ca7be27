package ops

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/latchkey-auth/latchkey/internal/postgres"
)

// pools reads the figures of pools when Prometheus asks.
type pools struct {
	read func() map[string]postgres.PoolFigures

	connections, most, waits, waited *prometheus.Desc
}

// NewPools collects the figures of pools, by name.
func NewPools(read func() map[string]postgres.PoolFigures) prometheus.Collector {
	return &pools{
		read: read,
		connections: prometheus.NewDesc("latchkey_database_connections", "Connections to the database, by pool and state.",
			[]string{"pool", "state"}, nil),
		most: prometheus.NewDesc("latchkey_database_connections_max", "Most connections of a pool.", []string{"pool"}, nil),
		waits: prometheus.NewDesc("latchkey_database_waits_total", "How often no idle connection was there.",
			[]string{"pool"}, nil),
		waited: prometheus.NewDesc("latchkey_database_acquire_seconds_total", "Time spent on acquiring connections.",
			[]string{"pool"}, nil),
	}
}

// Describe sends the descriptions of the figures.
func (p *pools) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{p.connections, p.most, p.waits, p.waited} {
		out <- d
	}
}

// Collect sends the figures.
func (p *pools) Collect(out chan<- prometheus.Metric) {
	for name, f := range p.read() {
		out <- prometheus.MustNewConstMetric(p.connections, prometheus.GaugeValue, float64(f.Busy), name, "busy")
		out <- prometheus.MustNewConstMetric(p.connections, prometheus.GaugeValue, float64(f.Open-f.Busy), name, "idle")
		out <- prometheus.MustNewConstMetric(p.most, prometheus.GaugeValue, float64(f.Most), name)
		out <- prometheus.MustNewConstMetric(p.waits, prometheus.CounterValue, float64(f.Waits), name)
		out <- prometheus.MustNewConstMetric(p.waited, prometheus.CounterValue, f.WaitedSeconds, name)
	}
}
