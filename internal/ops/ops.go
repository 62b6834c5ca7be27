// Package ops owns the listener for operators: whether the process lives, whether it may get
// requests, and what it counts. Nothing of it is in openapi.yaml: apps never see it.
package ops

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/pprof"
	"time"
)

// Server answers on the listener for operators.
type Server struct {
	http *http.Server
}

// New makes the server. metrics answers /metrics.
func New(s Settings, health *Health, metrics http.Handler) *Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", live)
	mux.HandleFunc("GET /readyz", health.serve)
	mux.Handle("GET /metrics", metrics)

	if s.Pprof {
		addProfiles(mux)
	}

	return &Server{http: &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       time.Minute,
	}}
}

func addProfiles(mux *http.ServeMux) {
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
}

// live answers as long as the process does.
func live(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n"))
}

// serve answers 200 when the server may get requests, otherwise 503, with the reasons.
func (h *Health) serve(w http.ResponseWriter, _ *http.Request) {
	report := h.Report()

	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")

	if report.Status != "ready" {
		w.WriteHeader(http.StatusServiceUnavailable)
	}

	_ = json.NewEncoder(w).Encode(report)
}

// Serve answers on listener until Close.
func (s *Server) Serve(listener net.Listener) error {
	err := s.http.Serve(listener)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}

	return err
}

// Close ends the server. Requests that run get a moment to finish.
func (s *Server) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()

	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close()
	}
}
