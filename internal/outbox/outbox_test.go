package outbox

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	smtpserver "github.com/emersion/go-smtp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"go.uber.org/goleak"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/secret"
	"github.com/latchkey-auth/latchkey/internal/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m, nil) }

// logs keeps what is logged; several goroutines may log at once.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// bench is an outbox on a database of its own.
type bench struct {
	*Outbox
	url  string
	logs *logs
	done <-chan *river.Event // jobs that were completed, failed or cancelled
}

var sealingKey = bytes.Repeat([]byte{7}, 32)

func newBench(t *testing.T, s Settings) *bench {
	t.Helper()
	return newBenchOn(t, testdb.New(t), s)
}

func newBenchOn(t *testing.T, url string, s Settings) *bench {
	t.Helper()
	d, err := postgres.Open(t.Context(), postgres.Settings{URL: url, MaxConnections: 4}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	b := &bench{url: url, logs: &logs{}}
	log := slog.New(slog.NewTextHandler(b.logs, nil))
	if b.Outbox, err = New(Parts{DB: d, Settings: s, Sealer: secret.NewSealer("test", sealingKey), Console: io.Discard, Log: log}); err != nil {
		t.Fatal(err)
	}
	return b
}

// start makes it work until the test ends.
func (b *bench) start(t *testing.T) *bench {
	t.Helper()
	b.done, _ = b.worker.Subscribe(river.EventKindJobCompleted, river.EventKindJobFailed, river.EventKindJobCancelled)
	if err := b.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := b.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return b
}

// event waits for the next job that ends an attempt.
func (b *bench) event(t *testing.T) river.EventKind {
	t.Helper()
	select {
	case e := <-b.done:
		return e.Kind
	case <-time.After(patience):
		t.Fatalf("no job ended\n%s", b.logs)
	}
	return ""
}

func (b *bench) post(t *testing.T, messages ...Message) {
	t.Helper()
	err := b.DB.Tx(t.Context(), func(tx postgres.Tx) error {
		for _, m := range messages {
			if err := b.Post(t.Context(), tx, m); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (b *bench) retry(t *testing.T, id uuid.UUID) (found bool, err error) {
	t.Helper()
	err = b.DB.Tx(t.Context(), func(tx postgres.Tx) error {
		var err error
		found, err = b.Retry(t.Context(), tx, id)
		return err
	})
	return found, err
}

func (b *bench) newUser(t *testing.T) int64 {
	t.Helper()
	id := secret.ID52()
	if _, err := connect(t, b.url).Exec(t.Context(), "INSERT INTO users (id, display, created_at) VALUES ($1, 'x', now())", id); err != nil {
		t.Fatal(err)
	}
	return id
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

func query[T any](t *testing.T, url, sql string, args ...any) []T {
	t.Helper()
	rows, err := connect(t, url).Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func code(to, code string) Message { return Message{Kind: LoginCode, To: to, Code: code} }

func TestPost_inATransactionThatIsRolledBackSendsNothing(t *testing.T) {
	t.Parallel()
	server := newMailServer(t, serverOptions{})
	b := newBench(t, server.settings()).start(t)
	sentinel := errors.New("rolled back")
	err := b.DB.Tx(t.Context(), func(tx postgres.Tx) error {
		return errors.Join(b.Post(t.Context(), tx, code("lost@example.com", "LOST")), sentinel)
	})
	if !errors.Is(err, sentinel) {
		t.Fatal(err)
	}
	b.post(t, code("kept@example.com", "KEPT"))
	if m := server.next(t); m.to != "kept@example.com" || m.from != "no-reply@example.com" {
		t.Errorf("%+v", m)
	}
	b.event(t)
	server.none(t)
	if n := query[int](t, b.url, "SELECT count(*)::int FROM messages")[0] + query[int](t, b.url, "SELECT count(*)::int FROM river.river_job")[0]; n != 2 {
		t.Errorf("%d rows of messages and jobs, want one of each", n)
	}
}

func TestWork_eachIsSentOnceUnderTwoWorkers(t *testing.T) {
	t.Parallel()
	server := newMailServer(t, serverOptions{})
	first := newBench(t, server.settings()).start(t)
	second := newBenchOn(t, first.url, server.settings()).start(t)
	const n = 40
	var all []Message
	for i := range n {
		all = append(all, code("p"+string(rune('a'+i%26))+string(rune('a'+i/26))+"@example.com", "CODE"))
	}
	first.post(t, all...)
	for range n {
		select {
		case <-first.done:
		case <-second.done:
		case <-time.After(patience):
			t.Fatal("jobs are missing")
		}
	}
	got := map[string]int{}
	for range n {
		got[server.next(t).to]++
	}
	server.none(t)
	if len(got) != n {
		t.Errorf("%d recipients got a mail, want %d", len(got), n)
	}
	if left := query[int](t, first.url, "SELECT count(*)::int FROM messages WHERE sent_at IS NULL OR sealed IS NOT NULL")[0]; left != 0 {
		t.Errorf("%d messages are not marked as sent, or not erased", left)
	}
}

// A process may die when a mail is sent and noted down, before river learns of it: the job
// comes again.
func TestWork_aRepeatedJobSendsNothing(t *testing.T) {
	t.Parallel()
	server := newMailServer(t, serverOptions{})
	b := newBench(t, server.settings())
	b.post(t, code("once@example.com", "CODE"))
	w := &worker{outbox: b.Outbox, queries: db.New(b.DB.Background())}
	again := &river.Job[job]{JobRow: &rivertype.JobRow{Attempt: 1, MaxAttempts: 12}, Args: job{ID: query[uuid.UUID](t, b.url, "SELECT id FROM messages")[0]}}
	for range 3 {
		if err := w.Work(t.Context(), again); err != nil {
			t.Fatal(err)
		}
	}
	server.next(t)
	server.none(t)
}

func TestWork_whatIsRefusedForNowIsSentAtTheNextAttempt(t *testing.T) {
	t.Parallel()
	server := newMailServer(t, serverOptions{})
	server.refuse(&smtpserver.SMTPError{Code: 451, Message: "greylisted, try again later"})
	b := newBench(t, server.settings()).start(t)
	b.post(t, code("grey@example.com", "CODE"))
	if e := b.event(t); e != river.EventKindJobFailed {
		t.Errorf("the first attempt: %s", e)
	}
	if m := server.next(t); m.to != "grey@example.com" {
		t.Errorf("%+v", m)
	}
	if e := b.event(t); e != river.EventKindJobCompleted {
		t.Errorf("the second attempt: %s", e)
	}
	if log := b.logs.String(); !strings.Contains(log, "code=smtp_451") || strings.Contains(log, "grey@") {
		t.Errorf("the log: %s", log)
	}
}

func TestWork_whatIsGivenUpIsListedAndCanBeRetried(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		attempts int
		answer   *smtpserver.SMTPError
		word     string
	}{
		"at the last attempt": {1, &smtpserver.SMTPError{Code: 451, Message: "later"}, "smtp_451"},
		"for good":            {12, &smtpserver.SMTPError{Code: 550, Message: "no such mailbox"}, "smtp_550"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newMailServer(t, serverOptions{})
			server.refuse(c.answer)
			settings := server.settings()
			settings.MaxAttempts = c.attempts
			b := newBench(t, settings).start(t)
			b.post(t, code("gone@example.com", "CODE"))
			if e := b.event(t); e != river.EventKindJobCancelled {
				t.Errorf("the attempt: %s", e)
			}
			list, err := b.ListFailed(t.Context(), 10)
			if err != nil || len(list) != 1 || *list[0].Failure != c.word || list[0].Kind != "login_code" || !list[0].CanBeRetried {
				t.Fatalf("%+v %v", list, err)
			}
			if found, err := b.retry(t, list[0].ID); !found || err != nil {
				t.Fatal(found, err)
			}
			if m := server.next(t); m.to != "gone@example.com" {
				t.Errorf("%+v", m)
			}
			b.event(t)
			if left, err := b.ListFailed(t.Context(), 10); err != nil || len(left) != 0 {
				t.Errorf("still listed: %+v %v", left, err)
			}
			if found, err := b.retry(t, list[0].ID); found || err != nil {
				t.Errorf("a message that was sent can be sent again: %v %v", found, err)
			}
		})
	}
}

func TestPost_everyKindCostsTheSameStatements(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]Settings{"notified": {}, "polled": {PollOnly: true}} {
		s.From = "a@example.com"
		b := newBench(t, s).start(t)
		user := b.newUser(t)
		costs := map[int64][]string{}
		for _, kind := range append(slices.Clone(kinds), Nothing, Nothing) {
			for _, m := range []Message{{Kind: kind, To: "a@example.com"}, {Kind: kind, To: "a@example.com", UserID: user, Code: "CODE", Key: "key"}} {
				before := b.DB.Statements()
				b.post(t, m)
				cost := b.DB.Statements() - before
				costs[cost] = append(costs[cost], string(kind))
			}
		}
		if len(costs) != 1 {
			t.Errorf("%s: statements differ: %v", name, costs)
		}
	}
}

func TestOutbox_nothingReadableStandsInTheDatabase(t *testing.T) {
	t.Parallel()
	server := newMailServer(t, serverOptions{})
	// Of the mails every third is refused: what that leaves behind is looked at, too.
	for range len(mails) / 3 {
		server.refuse(&smtpserver.SMTPError{Code: 550, Message: "5.1.1 no such mailbox"}, &smtpserver.SMTPError{Code: 451, Message: "4.2.0 greylisted"})
	}
	b := newBench(t, server.settings())
	b.LinkBelow("https://example.com")
	secrets := []string{"secret-recipient", "BCDF-GHJK", "zKey0123456789zKey", "Secret-Browser", "+4915112345678", "203.0.113.77", "de-AT"}
	for _, kind := range kinds {
		m := Message{Kind: kind, To: "secret-recipient@example.com", Code: "BCDF-GHJK", Key: "zKey0123456789zKey", Device: Device{
			Address: "203.0.113.77", Platform: "Secret-Browser", Language: "de-AT",
		}}
		if kind.isText() {
			m.To = "+4915112345678"
		}
		b.post(t, m)
	}
	holdsNone(t, "before", testdb.EveryRow(t, b.url), secrets)
	b.start(t)
	for range kinds {
		b.event(t)
	}
	holdsNone(t, "after", testdb.EveryRow(t, b.url), secrets)
	holdsNone(t, "the log", b.logs.String(), secrets)
	if !strings.Contains(testdb.EveryRow(t, b.url), "smtp_451") {
		t.Error("the dump does not show what it should: river's rows are missing")
	}
}

func holdsNone(t *testing.T, when, text string, secrets []string) {
	t.Helper()
	for _, s := range secrets {
		// bytea shows as hex; JSON holds bytes as base64, whose middle does not depend on what stands before.
		shapes := []string{s, hex.EncodeToString([]byte(s))}
		for cut := range 3 {
			shapes = append(shapes, base64.StdEncoding.EncodeToString([]byte(s[cut:cut+(len(s)-cut)/3*3])))
		}
		for _, shape := range shapes {
			if len(shape) > 3 && strings.Contains(strings.ToLower(text), strings.ToLower(shape)) {
				t.Errorf("%s: %q can be read as %q", when, s, shape)
			}
		}
	}
}

func TestWork_aMessageGoesWithItsUser(t *testing.T) {
	t.Parallel()
	server := newMailServer(t, serverOptions{})
	b := newBench(t, server.settings())
	leaving := b.newUser(t)
	m := code("left@example.com", "CODE")
	m.UserID = leaving
	b.post(t, m)
	if _, err := connect(t, b.url).Exec(t.Context(), "DELETE FROM users WHERE id = $1", leaving); err != nil {
		t.Fatal(err)
	}
	b.start(t)
	if e := b.event(t); e != river.EventKindJobCompleted {
		t.Error(e)
	}
	server.none(t)
}

func TestWork_pollingAloneIsEnough(t *testing.T) {
	t.Parallel()
	server := newMailServer(t, serverOptions{})
	settings := server.settings()
	settings.PollOnly = true
	b := newBench(t, settings).start(t)
	b.post(t, code("polled@example.com", "CODE"))
	server.next(t)
	b.event(t)
	if listening := query[int](t, b.url, "SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND query ILIKE 'listen%'")[0]; listening != 0 {
		t.Errorf("%d connections listen", listening)
	}
}

func TestWork_nothingIsNeverSent(t *testing.T) {
	t.Parallel()
	server := newMailServer(t, serverOptions{})
	b := newBench(t, server.settings()).start(t)
	b.post(t, Message{Kind: Nothing, To: "nobody@example.com"})
	if e := b.event(t); e != river.EventKindJobCompleted {
		t.Error(e)
	}
	server.none(t)
	if left := query[int](t, b.url, "SELECT count(*)::int FROM messages WHERE sealed IS NOT NULL")[0]; left != 0 {
		t.Error("it is not erased")
	}
}

func TestWork_aKeyThatIsNotHereIsWaitedFor(t *testing.T) {
	t.Parallel()
	server := newMailServer(t, serverOptions{})
	b := newBench(t, server.settings())
	b.post(t, code("rotated@example.com", "CODE"))
	b.Sealer = secret.NewSealer("other", bytes.Repeat([]byte{8}, 32))
	b.start(t)
	if e := b.event(t); e != river.EventKindJobFailed || !strings.Contains(b.logs.String(), "code=sealed") {
		t.Errorf("%s\n%s", e, b.logs)
	}
}

func TestSweep_erasesAndRemovesWhatIsOld(t *testing.T) {
	t.Parallel()
	now := time.Now()
	d, err := postgres.Open(t.Context(), postgres.Settings{URL: testdb.New(t), MaxConnections: 2}, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	o, err := New(Parts{DB: d, Settings: Settings{From: "a@example.com"}, Sealer: secret.NewSealer("test", sealingKey), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Tx(t.Context(), func(tx postgres.Tx) error { return o.Post(t.Context(), tx, code("a@example.com", "CODE")) }); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		after time.Duration
		want  int64
	}{{0, 0}, {keepSealed - time.Second, 0}, {2 * time.Second, 1}, {0, 0}, {keepRows - keepSealed, 1}, {0, 0}} {
		now = now.Add(step.after)
		if n, err := Sweep(t.Context(), d.Queries, now); n != step.want || err != nil {
			t.Errorf("after %s: %d, %v, want %d", step.after, n, err, step.want)
		}
		if list, err := o.ListFailed(t.Context(), 1); err != nil || len(list) > 0 && (list[0].CanBeRetried || *list[0].Failure != "too_old") {
			t.Errorf("%+v %v", list, err)
		}
	}
}

// Not parallel: it counts goroutines.
func TestStop_leavesNothingBehind(t *testing.T) {
	url := testdb.New(t)
	before := goleak.IgnoreCurrent()
	d, err := postgres.Open(t.Context(), postgres.Settings{URL: url, MaxConnections: 2}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	var printed logs
	o, err := New(Parts{DB: d, Settings: Settings{Sender: "console", From: "a@example.com"}, Sealer: secret.NewSealer("test", sealingKey), Console: &printed, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{Outbox: o, logs: &printed}
	var stop func()
	b.done, stop = o.worker.Subscribe(river.EventKindJobCompleted)
	if err := o.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.post(t, code("a@example.com", "CODE"))
	b.event(t)
	if err := o.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop()
	d.Close()
	goleak.VerifyNone(t, before)
	if !strings.Contains(printed.String(), "--- mail to a@example.com: Your sign-in code\n") || !strings.Contains(printed.String(), "\n\nCODE\n\n") {
		t.Errorf("printed: %s", printed.String())
	}
}

func TestWork_aSealedMessageOpensInItsOwnRowAlone(t *testing.T) {
	t.Parallel()
	server := newMailServer(t, serverOptions{})
	b := newBench(t, server.settings())
	b.post(t, code("first@example.com", "FIRST"), code("second@example.com", "SECOND"))
	_, err := connect(t, b.url).Exec(t.Context(), `UPDATE messages m SET sealed = o.sealed FROM messages o WHERE o.id <> m.id`)
	if err != nil {
		t.Fatal(err)
	}
	b.start(t)
	for range 2 {
		if e := b.event(t); e != river.EventKindJobFailed {
			t.Errorf("%s\n%s", e, b.logs)
		}
	}
	server.none(t)
}

// panicking stands for a library that fails on what it is given, and shows it.
type panicking struct{}

func (panicking) send(_ context.Context, l letter) error {
	panic("cannot send " + l.text + " to " + l.to)
}

func TestWork_whatAPanicSaysIsKeptNowhere(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{From: "a@example.com", MaxAttempts: 12})
	b.mailer = panicking{}
	b.post(t, code("secret-recipient@example.com", "BCDF-GHJK"))
	b.start(t)
	if e := b.event(t); e != river.EventKindJobFailed || !strings.Contains(b.logs.String(), "code=panic") {
		t.Errorf("%s\n%s", e, b.logs)
	}
	holdsNone(t, "the database", testdb.EveryRow(t, b.url), []string{"secret-recipient", "BCDF-GHJK"})
	holdsNone(t, "the log", b.logs.String(), []string{"secret-recipient", "BCDF-GHJK"})
}

func TestStart_failsWithoutItsTables(t *testing.T) {
	t.Parallel()
	b := newBenchOn(t, testdb.Empty(t), Settings{From: "a@example.com"})
	if err := b.Start(t.Context()); err == nil {
		t.Error("started")
	}
}

func TestRareHandler_passesOneWarningAMinute(t *testing.T) {
	t.Parallel()
	var passed logs
	now := time.Unix(1_800_000_000, 0)
	log := slog.New(&rareHandler{Handler: slog.NewTextHandler(&passed, nil), now: func() time.Time { return now }}).With("a", 1).WithGroup("g")
	for _, after := range []time.Duration{0, time.Second, rarely * time.Second, time.Second} {
		now = now.Add(after)
		log.Info("info")
		log.Warn("warning")
	}
	if n := strings.Count(passed.String(), "warning"); n != 2 || strings.Contains(passed.String(), "info") {
		t.Errorf("%d passed: %s", n, passed.String())
	}
}

// stopping stands for a server that is told to stop while a mail is on its way.
type stopping struct{ stop context.CancelFunc }

func (s stopping) send(context.Context, letter) error { s.stop(); return nil }

func TestWork_whatWasSentIsNotedThoughTheServerStops(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{From: "a@example.com"})
	b.post(t, code("once@example.com", "CODE"))
	ctx, stop := context.WithCancel(t.Context())
	b.mailer = stopping{stop}
	w := &worker{outbox: b.Outbox, queries: db.New(b.DB.Background())}
	j := &river.Job[job]{JobRow: &rivertype.JobRow{Attempt: 1, MaxAttempts: 12}, Args: job{ID: query[uuid.UUID](t, b.url, "SELECT id FROM messages")[0]}}
	if err := w.Work(ctx, j); err != nil {
		t.Fatal(err)
	}
	if left := query[int](t, b.url, "SELECT count(*)::int FROM messages WHERE sent_at IS NULL OR sealed IS NOT NULL")[0]; left != 0 {
		t.Error("it would be sent again")
	}
}
