// Package app owns the program: the commands, and the wiring of all packages in one function, top to
// bottom.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/latchkey-auth/latchkey/internal/account"
	"github.com/latchkey-auth/latchkey/internal/arrival"
	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/authenticator"
	"github.com/latchkey-auth/latchkey/internal/code"
	"github.com/latchkey-auth/latchkey/internal/config"
	"github.com/latchkey-auth/latchkey/internal/flow"
	"github.com/latchkey-auth/latchkey/internal/limit"
	"github.com/latchkey-auth/latchkey/internal/moving/mover"
	"github.com/latchkey-auth/latchkey/internal/notice"
	"github.com/latchkey-auth/latchkey/internal/ops"
	"github.com/latchkey-auth/latchkey/internal/outbox"
	"github.com/latchkey-auth/latchkey/internal/password"
	"github.com/latchkey-auth/latchkey/internal/passwordhook"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/provider"
	"github.com/latchkey-auth/latchkey/internal/server"
	"github.com/latchkey-auth/latchkey/internal/service"
	"github.com/latchkey-auth/latchkey/internal/session"
	"github.com/latchkey-auth/latchkey/internal/token"
	"github.com/latchkey-auth/latchkey/internal/trace"
	"github.com/latchkey-auth/latchkey/internal/undo"
)

// App is a server that is ready to run.
type App struct {
	config config.Config
	log    *slog.Logger
	claims postgres.ClaimsFunction
	// console is where latchkey dev prints mails.
	console io.Writer

	// DB, Gate and Arrival are shown for tests that count what a request costs, and what waits.
	DB      *postgres.DB
	Gate    *password.Gate
	Arrival *arrival.Gate

	trustClock bool
	sweepEvery time.Duration
	ahead      atomic.Int64 // nanoseconds, of the clock, as it was last measured

	prepared bool
	ready    atomic.Bool // whether requests can be answered: schema and keys are there
	swept    swept
	ring     *token.Keyring
	limiter  *limit.Limiter
	keys     *keys
	factors  *authenticator.Authenticators
	services *provider.Providers
	outbox   *outbox.Outbox
	account  *account.Account
	undo     *undo.Undo
	hook     *passwordhook.Hook // nil where users come from no system that keeps their hashes
	server   *server.Server
	listener net.Listener
	health   *ops.Health
	metrics  *ops.Metrics
	argon2   string                    // what computes argon2id
	probes   *probes                   // nil where LATCHKEY_OPS_ADDR is off
	traces   *trace.Provider           // nil where none are asked for
	drained  atomic.Pointer[time.Time] // when a drain is over; nil before it begins
}

// New builds every part. It needs no database and opens no socket: see Prepare.
func New(ctx context.Context, c config.Config, clock postgres.Clock, log *slog.Logger, options ...Option) (*App, error) {
	a := &App{config: c, log: log, Gate: password.NewGate(), sweepEvery: sweepEvery, Arrival: arrival.NewGate()}
	a.metrics = ops.NewMetrics(Version)
	a.metrics.KnowVerdicts(session.Verdicts()...)
	a.Gate.Count = a.metrics.CountGate
	a.Gate.Unreadable = func(cause error) {
		log.Error("a stored password hash cannot be read: its user needs a new password", "cause", cause.Error())
	}

	a.configureHashes()
	for _, option := range options {
		option(a)
	}

	if wrong := slices.Concat(a.open(ctx, clock), a.openTraces(ctx)); len(wrong) > 0 {
		a.traces.Close(ctx)
		return nil, &config.Error{Problems: wrong}
	}
	if err := a.build(); err != nil {
		a.traces.Close(ctx)
		a.DB.Close()
		return nil, err
	}

	return a, nil
}

// Option changes what New builds.
type Option func(*App)

// development is what latchkey dev adds to the settings: mails and texts are printed, and
// links lead below the server's own address. listener is nil, or a socket that is open already.
func development(out io.Writer, listener net.Listener) Option {
	return func(a *App) { a.console, a.listener = out, listener }
}

// develop adds what latchkey dev has where the settings say nothing.
func (a *App) develop() {
	c := &a.config
	c.Server.DrainDelay = 0 // nobody waits for another server to take over
	if c.Outbox.Sender == "" && c.Outbox.Host == "" {
		c.Outbox.Sender = "console"
	}

	f := &c.Factor
	if f.RPID != "" {
		return
	}

	// Browsers know passkeys at http://localhost, and not at an address.
	_, port, _ := net.SplitHostPort(c.Server.Addr)
	f.RPID, f.RPName, f.InsecureOrigin = "localhost", "Latchkey dev", true
	f.Origins = append(slices.Clone(f.Origins), "http://localhost:"+port, "http://localhost:8081") // the second: Expo's
}

// build creates every part above the database, top to bottom.
func (a *App) build() error {
	if a.console != nil {
		a.develop()
	}

	a.observe()
	c := a.config
	issuer, err := token.NewIssuer(a.ring, c.Token)
	if err != nil {
		return err
	}

	verifier, err := token.NewVerifier(a.ring, c.Token)
	if err != nil {
		return err
	}

	issuer.RememberIn(verifier)
	if a.claims, err = postgres.NewClaimsFunction(a.DB, c.Policy.ClaimsFunction); err != nil {
		return &config.Error{Problems: []error{err}}
	}

	old, err := token.NewOldVerifier(c.Old, c.Token)
	if err != nil {
		return err
	}

	journeys, err := a.furnish(issuer, verifier, old)
	if err != nil {
		return &config.Error{Problems: []error{err}}
	}

	a.linkMessages()
	published := a.published()
	operations, err := service.New(journeys, a.account, a.undo, a.ring, published)
	if err != nil {
		return err
	}

	a.server, err = server.New(server.Parts{
		Settings: c.Server, DB: a.DB, Flow: journeys, Verifier: verifier, Limiter: a.limiter, Undo: a.undo,
		Scheme: c.Token.HeaderScheme, Log: a.log, Shape: service.Authenticating, Ready: a.ready.Load, Arrival: a.Arrival,
		MetadataPath: published.MetadataPath(), Count: a.metrics.CountRequest, Draining: a.drain, Traces: a.traces,
		BeforeProof: operations.BeforeProof, MoreProblems: operations.MoreProblems,
	}, operations)
	if err != nil {
		return err
	}

	return nil
}

// furnish creates the parts between the database and the use cases.
func (a *App) furnish(issuer *token.Issuer, verifier *token.Verifier, old *token.OldVerifier) (*flow.Flow, error) {
	c := a.config
	var err error
	if a.keys, err = newKeys(c, a.DB, a.ring); err != nil {
		return nil, err
	}

	if a.limiter, err = limit.New(a.DB, c.Limit, a.keys.hmac, c.Policy.EmailVerificationByCode); err != nil {
		return nil, err
	}

	a.Gate.Key = a.keys.hmac
	codes, err := code.New(c.Code, a.keys.hmac)
	if err != nil {
		return nil, err
	}

	if a.outbox, err = a.newOutbox(); err != nil {
		return nil, err
	}
	if err := a.seal(); err != nil {
		return nil, err
	}

	trail := audit.New(a.keys.hmac)
	notices := notice.New(notice.Parts{Outbox: a.outbox, Codes: codes, Limiter: a.limiter, Policy: c.Policy, Countries: c.Outbox.SMSCountries, Log: a.log})
	if a.hook, err = passwordhook.New(c.Hook); err != nil {
		return nil, err
	}

	passwords := c.PasswordPolicy()
	sessions := session.New(c.Session)
	a.account = account.New(account.Parts{
		DB: a.DB, Tokens: sessions, Gate: a.Gate, Passwords: passwords, Policy: c.Policy, Limiter: a.limiter, Trail: trail, Codes: codes, Notices: notices,
		Factors: a.factors, Services: a.services, Keys: a.keys.lasting, Log: a.log,
	})

	a.undo = undo.New(undo.Parts{DB: a.DB, Policy: c.Policy, Notices: notices, Trail: trail, Keys: a.keys.lasting, Log: a.log})

	return flow.New(flow.Parts{
		DB: a.DB, Sessions: sessions, Devices: session.NewDevices(a.keys.hmac), Issuer: issuer, Verifier: verifier, Old: old, Gate: a.Gate, Passwords: passwords,
		Policy: c.Policy, Claims: a.claims, Limiter: a.limiter, Trail: trail, Codes: codes, Notices: notices,
		Factors: a.factors, Providers: a.services, Social: c.Provider, Keys: a.keys.lasting, Log: a.log,
		CountRefresh: a.metrics.CountRefresh, CountOld: a.metrics.CountOld,
		PasswordHook: a.hook, Mover: &mover.Mover{Factors: a.factors, Keys: a.keys.lasting, Log: a.log},
	}), nil
}

// seal makes what keeps secrets: factors, and the services that sign people in.
func (a *App) seal() error {
	var err error
	if a.factors, err = authenticator.New(a.config.Factor, a.keys.lasting, a.keys.passing); err != nil {
		return err
	}

	a.services, err = provider.New(a.config.Provider, a.DB.Now, a.log)

	return err
}

// warnOfFactors says what is off although the settings ask for it.
//
// Security: the keys that servers share in the database are made anew when all signing keys are replaced,
// and every TOTP secret would go with them. So there is no default (TestTOTP_isOffWithoutSealingKeys).
func (a *App) warnOfFactors() {
	for _, kind := range a.config.Factor.Types {
		if !a.factors.Supports(kind) {
			a.log.Warn("a second factor is off: LATCHKEY_SEALING_KEYS is not set", "type", kind)
		}
	}
}

// warnOfProofs says what a stolen access token can change because the settings ask for no
// proof of identity.
func (a *App) warnOfProofs() {
	if !a.config.Policy.ReauthenticationRequired {
		a.log.Warn("ACCOUNT_REAUTHENTICATION_REQUIRED is false: a stolen access token can move an account to another address")
	}

	if !a.config.Factor.Reauthentication {
		a.log.Warn("MFA_REAUTHENTICATION_REQUIRED is false: a stolen access token can add and remove second factors")
	}
}

// warnOfUnverified says what ACCOUNT_EMAIL_VERIFICATION=none allows.
func (a *App) warnOfUnverified() {
	if a.config.Policy.EmailVerification == "none" {
		a.log.Warn("ACCOUNT_EMAIL_VERIFICATION=none: an account connects providers, second factors, numbers and further addresses before it has verified its address; a stranger who created it with the address of another user can still sign in with them")
	}
}

// warnOfProviders says what the settings of providers allow.
func (a *App) warnOfProviders() {
	for _, warning := range a.services.Warnings() {
		a.log.Warn("SOCIALACCOUNT_PROVIDERS: " + warning)
	}
}

// warnOfTexts warns that texts go to every country: a stranger can cause costs with expensive numbers.
func (a *App) warnOfTexts() {
	if a.config.Outbox.SMSWebhook != "" && len(a.config.Outbox.SMSCountries) == 0 {
		a.log.Warn("texts may go to numbers of every country: LATCHKEY_SMS_COUNTRIES is not set")
	}
}

// warnOfHook says that the password hook has no end.
func (a *App) warnOfHook() {
	if a.hook != nil && !a.hook.HasEnd() {
		a.log.Warn("LATCHKEY_PASSWORD_HOOK_UNTIL is not set: passwords go to the password hook until it is switched off")
	}
}

// open makes what has no default, the keys and the way to the database, and returns all
// that is wrong with their settings.
func (a *App) open(ctx context.Context, clock postgres.Clock) []error {
	var wrong []error
	if a.config.Database.URL == "" {
		wrong = append(wrong, errors.New("DATABASE_URL: is needed (`latchkey dev` brings a PostgreSQL of its own)"))
	}

	var err error
	if a.ring, err = keyring(a.config.Token, clock); err != nil {
		wrong = append(wrong, err)
	}

	if a.DB, err = postgres.Open(ctx, a.config.Database, clock); err != nil {
		wrong = append(wrong, err)
	}

	return wrong
}

// every calls do again and again, until it returns false or ctx ends.
func every(ctx context.Context, interval time.Duration, do func() bool) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if !do() {
				return
			}
		}
	}
}

// Prepare brings the schema up to date, or checks that it is, looks for the claims function,
// and opens the socket. When the database is away, that is an outage and not a mistake: the
// socket opens, Run goes on trying, and requests get 503 until it is back. While another server
// migrates, Prepare waits and the socket stays closed. It returns ctx's error when ctx ends, and a
// config.Error where the database refuses the role, does not exist, or fails the check of its TLS.
//
// The listener for operators is open from the first moment: a start that waits is alive, and not ready.
func (a *App) Prepare(ctx context.Context) error {
	a.logStart()
	if err := a.openProbes(); err != nil {
		return err
	}

	err := a.prepare(ctx)

	switch {
	case ctx.Err() != nil: // a signal also looks like an outage to the database's driver
		return ctx.Err()
	case postgres.Mistake(err) != nil: // waiting would not end it
		return &config.Error{Problems: []error{postgres.Mistake(err)}}
	case errors.Is(err, problem.TemporarilyUnavailable):
		a.log.Error("the database is away; answering 503 until it is back", "cause", err.Error())
	case err != nil:
		return err
	default:
		a.prepared = true
	}

	return a.listen()
}

// listen opens the socket.
func (a *App) listen() error {
	if a.listener != nil {
		return nil
	}

	listener, err := listen(a.config.Server.Addr)
	if err != nil {
		return err
	}

	a.listener = listener

	return nil
}

func listen(addr string) (net.Listener, error) {
	listener, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, addressInUse(addr)
	}
	if err != nil {
		return nil, fmt.Errorf("LATCHKEY_ADDR: %w", err)
	}

	return listener, nil
}

// addressInUse says what to type when another program listens on our address.
func addressInUse(addr string) error {
	host, port, _ := net.SplitHostPort(addr)
	other := "8081"
	if port == other {
		other = "8082"
	}

	return fmt.Errorf("another program listens on %s already: stop it, or choose another port: LATCHKEY_ADDR=%s",
		addr, net.JoinHostPort(host, other))
}

// prepareLater repeats what Prepare could not do.
func (a *App) prepareLater(ctx context.Context) {
	every(ctx, time.Second, func() bool {
		err := a.prepare(ctx)
		switch {
		case err == nil:
			a.log.Info("the database is back")
		case !errors.Is(err, problem.TemporarilyUnavailable):
			a.log.Error("the database is back, but not as it should be", "cause", err.Error())
		}

		return err != nil
	})
}

func (a *App) prepare(ctx context.Context) error {
	if err := a.prepareSchema(ctx); err != nil {
		return err
	}
	if err := a.syncClock(ctx); errors.Is(err, problem.TemporarilyUnavailable) {
		return err
	}

	steps := []func(context.Context) error{a.prepareKeys, a.checkSubjects, a.loadDecoys, a.loadPhase, a.checkClaims}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}

	a.ready.Store(true)
	a.health.Prepared()

	return nil
}

// Addr is the address that it listens on, once Prepare has returned.
func (a *App) Addr() string { return a.listener.Addr().String() }

// Run serves until ctx ends, then lets running requests finish. What works beside the requests goes on
// as long as they do.
func (a *App) Run(ctx context.Context) error {
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()

	a.log.Info("listening", "addr", a.Addr())
	a.warnOfFactors()
	a.warnOfProofs()
	a.warnOfUnverified()
	a.warnOfProviders()
	a.warnOfUndo()
	a.warnOfTexts()
	a.warnOfPlain()
	a.warnOfLifetime()
	a.warnOfOldTokens(work)
	a.warnOfHook()
	go a.followKeys(work)
	go a.followClock(work)
	go a.followDatabase(work)
	go a.followDecoys(work)
	go a.followPhase(work)
	go a.sweep(work)
	if !a.prepared {
		go a.prepareLater(work)
	}

	posted := make(chan struct{})
	go func() { defer close(posted); a.post(work) }()
	err := a.server.Serve(ctx, a.listener)
	stop()
	<-posted
	a.flushTraces()
	a.log.Info("stopped")

	return err
}

// Close closes the socket, if Run has not, and the database connections.
func (a *App) Close() {
	if a.listener != nil {
		_ = a.listener.Close()
	}

	a.probes.close()
	a.hook.Close()
	a.flushTraces()

	a.DB.Close()
}
