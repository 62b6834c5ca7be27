package outbox

import (
	"context"
	"encoding/json"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/trace"
)

// job is what river keeps of a message: nothing that is secret or personal.
type job struct {
	ID uuid.UUID `json:"id"`
	// Trace is the step of a trace that the message was stored in; empty where that is not recorded.
	Trace string `json:"trace,omitempty"`
}

// Kind is river's name for the job.
func (job) Kind() string { return "message" }

const (
	// riverSchema is where river's tables stand.
	riverSchema = "river"
	// fetchCooldown bounds how often a busy database is asked for jobs.
	fetchCooldown = 25 * time.Millisecond
	// jobTimeout ends an attempt: the senders' own timeouts are below it.
	jobTimeout = time.Minute
	// rescueAfter is when a job is taken up again whose process has died over it.
	rescueAfter = 5 * time.Minute
	// softStop is how long a stop waits for messages that are being sent.
	softStop = 5 * time.Second
	// keepJobs is for how long river keeps the rows of finished jobs, which say nothing that
	// the messages do not.
	keepJobs = time.Hour
)

// newPoster creates the client that enqueues jobs. It shares the driver of the worker: river sends its one-time
// queries at Start, and not inside a transaction of a request.
func newPoster(driver *riverpgxv5.Driver) (*river.Client[pgx.Tx], error) {
	return river.NewClient(quietDriver{driver}, &river.Config{Schema: riverSchema, Logger: slog.New(slog.DiscardHandler)})
}

// quietDriver makes river leave out its NOTIFY, which it sends with some of the jobs only:
// InsertMessage has one for each.
//
// Timing: a NOTIFY more or less is a statement more or less (SEC-48,
// TestPost_everyKindCostsTheSameStatements).
type quietDriver struct{ *riverpgxv5.Driver }

// SupportsListenNotify is false.
func (quietDriver) SupportsListenNotify() bool { return false }

// SupportsListener is false.
func (quietDriver) SupportsListener() bool { return false }

// newWorker makes the client that works on jobs.
func (o *Outbox) newWorker(driver *riverpgxv5.Driver) (*river.Client[pgx.Tx], error) {
	workers := river.NewWorkers()
	river.AddWorker(workers, &worker{outbox: o, queries: db.New(o.DB.Background())})

	return river.NewClient(driver, &river.Config{
		Schema:                      riverSchema,
		Queues:                      map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: max(o.Settings.Workers, 1)}},
		Workers:                     workers,
		FetchCooldown:               fetchCooldown,
		FetchPollInterval:           time.Duration(max(o.Settings.PollInterval, 1)) * time.Second,
		PollOnly:                    o.Settings.PollOnly,
		JobTimeout:                  jobTimeout,
		RescueStuckJobsAfter:        rescueAfter,
		SoftStopTimeout:             softStop,
		CompletedJobRetentionPeriod: keepJobs,
		CancelledJobRetentionPeriod: keepJobs,
		DiscardedJobRetentionPeriod: keepJobs,
		ReindexerIndexNames:         []string{}, // needs the owner of the tables, which a server need not be
		Logger:                      slog.New(&rareHandler{Handler: o.Log.Handler(), now: o.DB.Now}),
	})
}

// enqueue adds the job of a message to the transaction that stores it. A job that has to wait
// is scheduled for later.
func (o *Outbox) enqueue(ctx context.Context, tx postgres.Tx, id uuid.UUID, wait time.Duration) error {
	options := &river.InsertOpts{MaxAttempts: max(o.Settings.MaxAttempts, 1)}
	if wait > 0 {
		options.ScheduledAt = tx.Now.Add(wait)
	}

	if _, err := o.poster.InsertTx(ctx, tx.Raw, job{id, trace.Parent(ctx)}, options); err != nil {
		return postgres.Unavailable(err)
	}

	return nil
}

// Start begins to send messages; it works on until Stop. It fails while the database is
// away. The schema must be the newest one (postgres.DB.CheckSchema).
func (o *Outbox) Start(ctx context.Context) error {
	return o.worker.Start(context.WithoutCancel(ctx))
}

// Stop lets messages that are being sent finish, for a few seconds.
func (o *Outbox) Stop(ctx context.Context) error { return o.worker.Stop(ctx) }

// worker sends one message.
type worker struct {
	river.WorkerDefaults[job]
	outbox *Outbox
	// queries are on connections of their own: sending must not slow requests down, nor
	// count among their statements.
	queries *db.Queries
}

// Work sends a message. An error means: again later. River keeps its text, so that it is
// never more than a code.
//
// Race: the job of a message that was sent may come again, where a process died before it
// told river. The message itself knows (TestWork_aRepeatedJobSendsNothing).
func (w *worker) Work(ctx context.Context, j *river.Job[job]) error {
	o := w.outbox
	ctx, span := o.Traces.StartJob(ctx, "message", j.Args.Trace)
	defer span.End()

	row, err := w.queries.FindMessage(ctx, j.Args.ID)
	if postgres.IsNotFound(err) {
		return nil // its user has left
	}

	if err != nil {
		return later("database", nil)
	}

	if row.SentAt != nil || row.FailedAt != nil || row.Sealed == nil {
		return nil
	}

	failure := o.deliver(ctx, row)
	// What was sent must be noted down though the server stops: it would be sent again.
	ctx = context.WithoutCancel(ctx)
	if failure == nil {
		return w.noted(w.queries.MarkMessageSent(ctx, db.MarkMessageSentParams{ID: row.ID, Now: o.DB.Now()}))
	}

	f := toFault(failure)
	span.Fail(f.code)
	last := f.hopeless || j.Attempt >= j.MaxAttempts
	o.Log.WarnContext(ctx, "a message was not sent", "message", row.ID, "kind", row.Kind, "attempt", j.Attempt, "given_up", last, "code", f.code, "cause", f.cause)

	if !last {
		return f
	}

	if err := w.queries.MarkMessageFailed(ctx, db.MarkMessageFailedParams{ID: row.ID, Now: o.DB.Now(), Failure: f.code}); err != nil {
		return later("database", nil)
	}

	return river.JobCancel(f)
}

func (w *worker) noted(err error) error {
	if err != nil {
		return later("database", nil)
	}

	return nil
}

// deliver sends what a row says.
func (o *Outbox) deliver(ctx context.Context, row db.FindMessageRow) (err error) {
	defer func() {
		if p := recover(); p != nil { // river would keep what it says, which may be personal
			o.Log.Error("panic while a message was sent", "message", row.ID, "kind", row.Kind, "stack", string(debug.Stack()))
			err = later("panic", nil)
		}
	}()

	kind := Kind(row.Kind)
	if kind == Nothing {
		return nil
	}

	text, err := o.Sealer.Open(row.Sealed, about(row.ID, kind))
	if err != nil {
		return later("sealed", err) // another server may have its key
	}

	var p payload
	if err := json.Unmarshal(text, &p); err != nil {
		return never("payload", nil)
	}

	l, err := o.templates.render(kind, p)
	if err != nil {
		return err
	}

	l.id, l.to, l.at = row.ID, p.To, o.DB.Now()

	return o.send(ctx, kind, l)
}

// send hands a letter to what carries it.
func (o *Outbox) send(ctx context.Context, kind Kind, l letter) error {
	name, carrier := "mail", o.mailer
	if kind.isText() {
		name, carrier = "sms", o.texter
	}

	ctx, span := trace.StartCall(ctx, name)
	defer span.End()

	err := carrier.send(ctx, l)
	if err != nil {
		span.Fail(toFault(err).code)
	}

	return err
}
