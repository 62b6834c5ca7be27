package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/latchkey-auth/latchkey/internal/ops"
)

// probes is the listener for operators, while it runs.
type probes struct {
	server *ops.Server
	addr   string
	ended  chan struct{}
}

// observe makes what tells operators about this server.
func (a *App) observe() {
	a.health = ops.NewHealth(a.DB.Ping, time.Now)
	a.metrics.Register(ops.NewPools(a.DB.Pools))
	a.metrics.Register(ops.NewQueue(a.queueFigures, time.Now))
}

func (a *App) queueFigures(ctx context.Context) (ops.QueueFigures, error) {
	now := a.DB.Now()
	row, err := a.DB.BackgroundQueries().ShowOutbox(ctx, now)
	if err != nil {
		return ops.QueueFigures{}, err
	}

	return ops.QueueFigures{
		Waiting: row.Waiting, Failed: row.Failed, Oldest: max(0, now.Sub(row.Oldest)),
	}, nil
}

// followDatabase asks the database again and again whether it answers, while the server runs.
func (a *App) followDatabase(ctx context.Context) {
	every(ctx, ops.PingEvery, func() bool {
		a.health.Ask(ctx)
		return true
	})
}

// openProbes opens the listener for operators, unless the settings say that there is none.
func (a *App) openProbes() error {
	s := a.config.Ops
	if s.Addr == ops.Off || a.probes != nil {
		return nil
	}

	listener, err := net.Listen("tcp", s.Addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("another program listens on %s already: choose another port for probes and metrics, LATCHKEY_OPS_ADDR=host:port, or %s for none",
			s.Addr, ops.Off)
	}
	if err != nil {
		return fmt.Errorf("LATCHKEY_OPS_ADDR: %w", err)
	}

	p := &probes{server: ops.New(s, a.health, a.metrics.Handler()), addr: listener.Addr().String(), ended: make(chan struct{})}
	a.probes = p
	a.log.Info("listening for operators", "addr", p.addr)

	go func() {
		defer close(p.ended)

		if err := p.server.Serve(listener); err != nil {
			a.log.Error("the listener for operators has ended", "cause", err.Error())
		}
	}()

	return nil
}

// OpsAddr is the address of the listener for operators, once Prepare has been called; empty for none.
func (a *App) OpsAddr() string {
	if a.probes == nil {
		return ""
	}

	return a.probes.addr
}

// close ends the listener for operators.
func (p *probes) close() {
	if p == nil {
		return
	}

	p.server.Close()
	<-p.ended
}
