// Package server owns HTTP: the gate that every request passes (pipeline.go), and the
// voice that turns every error into an answer (render.go). What an operation does is
// internal/service's.
package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/latchkey-auth/latchkey/api"
	"github.com/latchkey-auth/latchkey/internal/arrival"
	"github.com/latchkey-auth/latchkey/internal/flow"
	"github.com/latchkey-auth/latchkey/internal/limit"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/token"
	"github.com/latchkey-auth/latchkey/internal/trace"
	"github.com/latchkey-auth/latchkey/internal/undo"
)

// Settings of the listener.
type Settings struct {
	Addr    string   `env:"LATCHKEY_ADDR" default:"127.0.0.1:8080" doc:"host:port to listen on. Put TLS in front of anything but loopback."`
	Proxies []string `env:"LATCHKEY_TRUSTED_PROXIES" doc:"Addresses and CIDR blocks of the proxies in front, comma-separated: X-Forwarded-For is read only from them, from right to left."`

	ConnectionsPerAddress int      `env:"LATCHKEY_CONNECTIONS_PER_ADDRESS" default:"256" min:"1" max:"10000" doc:"Most open connections from one IPv4 address or IPv6 /64; one more is answered with 503. Not for LATCHKEY_TRUSTED_PROXIES. 10000 is as many as the server takes from all clients together."`
	IdleTimeout           int      `env:"LATCHKEY_IDLE_TIMEOUT" default:"75" min:"5" max:"3600" doc:"Seconds that a connection stays open without a request. Must be longer than what the balancer in front keeps its connections (often 60), or it sends requests into connections that close."`
	Origins               []string `env:"LATCHKEY_CORS_ORIGINS" doc:"Origins of apps in a browser or a WebView that may read answers, comma-separated and exactly as browsers send them: https://app.example.com, http://localhost:8081 (Expo web), capacitor://localhost. No *, no null. Default: none."`
	APIPage               bool     `env:"LATCHKEY_API_PAGE" default:"true" doc:"Serve a page for developers at /docs that shows /openapi.json."`
	Specification         bool     `env:"HEADLESS_SERVE_SPECIFICATION" default:"false" doc:"Serve the OpenAPI document at /_allauth/openapi.json, too. It is always at /openapi.json."`
	DrainDelay            int      `env:"LATCHKEY_DRAIN_DELAY" default:"5" min:"0" max:"300" doc:"Seconds between SIGTERM or SIGINT and the end of the listener. Meanwhile /readyz is 503, requests are answered, and each answer closes its connection. Must be longer than the balancer takes to notice. 0 in latchkey dev."`
	PublicURL             string   `env:"LATCHKEY_PUBLIC_URL" doc:"https address at which users reach this server, such as https://id.example.com. Undo links lead to a page below it, unless HEADLESS_FRONTEND_URLS names account_undo. Default: LATCHKEY_ISSUER where that is an https address, and the own address in latchkey dev. Without any of these, messages carry no undo link."`
}

// Budgets, from the outside in: client 15 s, handler 8 s, statement 3 s.
const (
	readTimeout    = 10 * time.Second
	writeTimeout   = 15 * time.Second
	handlerTimeout = 8 * time.Second

	// DrainTimeout is how long requests that run may take after the drain delay.
	DrainTimeout = 10 * time.Second

	bodyLimit   = 64 << 10
	headerLimit = 8 << 10
	// concurrency bounds the open connections of all clients (connections.go). fasthttp has a
	// bound too, whose answer is text: it must not be reached, although a worker of fasthttp
	// ends a moment after its connection.
	concurrency      = 10000
	spareConcurrency = 1000
)

// Parts are what the gate asks.
type Parts struct {
	Settings Settings
	DB       *postgres.DB
	Flow     *flow.Flow
	Verifier *token.Verifier
	Limiter  *limit.Limiter
	Undo     *undo.Undo
	Scheme   string // of the Authorization header
	Log      *slog.Logger
	// Shape renders a user who has to authenticate again.
	Shape func(flow.Entry) (api.User, []api.AuthenticationMethod)
	// BeforeProof answers what an operation can answer before it asks for a proof of identity; see
	// recent.
	BeforeProof func(ctx context.Context, request any) (response any, err error)
	// MoreProblems is what else is wrong with a request that the schema has refused; see validate.
	MoreProblems func(ctx context.Context, operation string, body map[string]any) (problem.List, error)
	// Ready reports whether the server knows the schema and the keys that it shares with others. It is
	// false after a start without the database, until that has answered.
	Ready func() bool
	// Arrival lets requests wait while a service moves in.
	Arrival *arrival.Gate
	// Count is called with each answer: its operation (empty for none of ours), its status, the code of
	// its first error (empty for none), and the time that it took.
	Count func(operation string, status int, code string, took time.Duration)
	// Draining is called when the server is about to end; nil where nobody wants to know.
	Draining func()
	// Traces begins traces; nil where none are asked for.
	Traces *trace.Provider
	// MetadataPath is where the metadata of the issuer is; empty for none.
	MetadataPath string
}

// Server serves the operations of the spec.
type Server struct {
	Parts
	app        *fiber.App
	operations operationTable
	proxies    proxies

	proxyWarning sync.Once
	draining     atomic.Bool
}

// New registers the operations behind the gate.
func New(parts Parts, operations api.StrictServerInterface) (*Server, error) {
	trusted, err := parseProxies(parts.Settings.Proxies)
	if err != nil {
		return nil, err
	}
	operationsOf, err := embeddedOperations()
	if err != nil {
		return nil, err
	}
	s := &Server{Parts: parts, operations: operationsOf, proxies: trusted}
	s.app = fiber.New(fiber.Config{
		AppName: "latchkey",
		// Security: without it strings point into buffers that the next request overwrites,
		// and one user's header becomes the next one's (TestTMEM01_stringsOutliveTheRequest).
		Immutable:             true,
		StrictRouting:         true,
		CaseSensitive:         true,
		BodyLimit:             bodyLimit,
		ReadBufferSize:        headerLimit,
		Concurrency:           concurrency + spareConcurrency,
		ReadTimeout:           readTimeout,
		WriteTimeout:          writeTimeout,
		IdleTimeout:           time.Duration(parts.Settings.IdleTimeout) * time.Second,
		DisableStartupMessage: true,
		ErrorHandler:          s.render,
		// Forms are refused, but fasthttp would read them first, into files if they are large.
		DisablePreParseMultipartForm: true,
	})
	s.app.Server().CloseOnShutdown = true
	s.knownMethodsOnly()
	s.pipeline(operations)
	return s, nil
}

// knownMethodsOnly answers a verb that Fiber does not know in our envelope; Fiber's own
// answer is text, before any middleware. Nobody asks there whether the request is well
// formed, so nothing that follows it is served.
func (s *Server) knownMethodsOnly() {
	known := map[string]bool{}
	for _, m := range fiber.DefaultMethods {
		known[m] = true
	}
	next := s.app.Server().Handler
	s.app.Server().Handler = func(ctx *fasthttp.RequestCtx) {
		if known[string(ctx.Method())] {
			next(ctx)
			return
		}
		c := s.app.AcquireCtx(ctx)
		defer s.app.ReleaseCtx(c)
		ctx.SetConnectionClose()
		_ = s.render(c, fiber.ErrMethodNotAllowed)
	}
}

// Serve answers on ln until ctx ends, then drains: it goes on answering for the drain delay, so that
// balancers and clients with open connections go elsewhere. Then running requests finish, and new
// ones are refused.
//
// The end may come before fasthttp has reached its accept loop, where its own shutdown has no
// effect. So the listener is closed here as well: an accept loop that begins later ends at once
// (TestServe_aSignalEndsTheServerAtAnyMomentOfItsStart).
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	once := &closeOnceListener{Listener: s.bound(ln)}
	ended := make(chan error, 1)
	go func() { ended <- s.app.Listener(once) }()

	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}

	s.draining.Store(true)
	if s.Draining != nil {
		s.Draining()
	}

	select {
	case err := <-ended:
		return err
	case <-time.After(time.Duration(s.Settings.DrainDelay) * time.Second):
	}

	if err := once.Close(); err != nil {
		return err
	}

	if err := s.app.ShutdownWithTimeout(DrainTimeout); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}

	return <-ended
}

// closeOnceListener is a listener that may be closed again: fasthttp gives up its drain when
// the listener returns an error for it.
type closeOnceListener struct {
	net.Listener

	once sync.Once
	err  error
}

// Close closes the listener; a second call returns what the first returned.
func (l *closeOnceListener) Close() error {
	l.once.Do(func() { l.err = l.Listener.Close() })

	return l.err
}
