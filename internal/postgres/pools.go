package postgres

import "github.com/jackc/pgx/v5/pgxpool"

// PoolFigures are the figures of a pool of connections since the start.
type PoolFigures struct {
	Most, Open, Busy int32
	Waits            int64   // acquisitions that found no idle connection
	WaitedSeconds    float64 // of all acquisitions together
}

// Pools are the figures of both pools: "requests", and "background" for what works beside them.
func (d *DB) Pools() map[string]PoolFigures {
	return map[string]PoolFigures{"requests": figuresOf(d.pool.Stat()), "background": figuresOf(d.background.Stat())}
}

func figuresOf(s *pgxpool.Stat) PoolFigures {
	return PoolFigures{
		Most: s.MaxConns(), Open: s.TotalConns(), Busy: s.AcquiredConns(),
		Waits: s.EmptyAcquireCount(), WaitedSeconds: s.AcquireDuration().Seconds(),
	}
}
