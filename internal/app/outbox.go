package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/admin"
	"github.com/latchkey-auth/latchkey/internal/outbox"
	"github.com/latchkey-auth/latchkey/internal/policy"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/secret"
	"github.com/latchkey-auth/latchkey/internal/userid"
)

func (a *App) newOutbox() (*outbox.Outbox, error) {
	console := a.console
	if console == nil {
		console = os.Stdout
	}
	return outbox.New(outbox.Parts{
		DB: a.DB, Settings: a.config.Outbox, Sealer: a.keys.passing, PublicURL: a.publicURL(), Console: console, Log: a.log,
		Traces: a.traces,
	})
}

// linked are the kinds of messages that need a link under this policy.
func linked(p policy.Settings) []outbox.Kind {
	var list []outbox.Kind
	if p.EmailVerification != "none" && !p.EmailVerificationByCode {
		list = append(list, outbox.VerifyEmailLink)
	}
	if !p.ResetByCode {
		list = append(list, outbox.PasswordResetLink)
	}
	return list
}

var errNotReady = errors.New("the database has not answered yet")

// post sends messages until ctx ends. A database that is away is tried again.
func (a *App) post(ctx context.Context) {
	for _, o := range a.outbox.Obstacles(linked(a.config.Policy)...) {
		a.log.Warn("messages will not reach people", "cause", o)
	}
	tries, started := 0, false
	start := func() bool {
		var err error
		if !a.ready.Load() {
			err = errNotReady
		}
		if err == nil {
			err = a.outbox.Start(ctx)
		}
		if started = err == nil; !started && tries == 0 && ctx.Err() == nil {
			a.log.Warn("messages cannot be sent; trying again every second", "cause", err.Error())
		}
		tries++
		return !started
	}
	if start() {
		every(ctx, time.Second, start)
	}
	if !started {
		return
	}
	<-ctx.Done()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := a.outbox.Stop(stop); err != nil {
		a.log.Warn("messages were being sent at the end; they will be sent again", "cause", err.Error())
	}
}

type outboxCommand struct {
	JSON jsonFlag `name:"json" help:"Print JSON: one object a line."`

	List  outboxListCommand  `cmd:"" help:"List mails and texts that failed permanently, newest first."`
	Retry outboxRetryCommand `cmd:"" help:"Retry messages that failed permanently."`
}

type outboxListCommand struct {
	Limit int32 `help:"Maximum number of messages." default:"100"`
}

// outboxLine is a message that was given up as it is shown. What it said and to whom is
// sealed, and stays so.
type outboxLine struct {
	ID        uuid.UUID  `json:"id"`
	CreatedAt time.Time  `json:"created_at"`
	FailedAt  *time.Time `json:"failed_at"`
	Kind      string     `json:"kind"`
	UserID    *userid.ID `json:"user_id"`
	Failure   string     `json:"failure"`
	// Retryable is false once what it said was erased.
	Retryable bool `json:"retryable"`
}

// Run prints a line a message, and how many are on their way.
func (c outboxListCommand) Run(sh *shell) error {
	return sh.withOutbox(func(_ *postgres.DB, o *outbox.Outbox) error {
		list, err := o.ListFailed(sh.ctx, c.Limit)
		if err != nil {
			return err
		}
		for _, m := range list {
			line := outboxLine{ID: m.ID, CreatedAt: m.CreatedAt.UTC(), FailedAt: m.FailedAt, Kind: m.Kind, UserID: admin.SubjectOf(m.UserID, m.Subject), Failure: *m.Failure, Retryable: m.CanBeRetried}
			if err := sh.print(line, line.text()); err != nil {
				return err
			}
		}
		waiting, err := o.CountWaiting(sh.ctx)
		if err == nil && !sh.json {
			_, err = fmt.Fprintf(sh.out, "%d given up, %d on their way\n", len(list), waiting)
		}
		return err
	})
}

// text is a message as a line.
func (l outboxLine) text() string {
	user, again := "-", ""
	if l.UserID != nil {
		user = string(*l.UserID)
	}
	if !l.Retryable {
		again = "erased"
	}

	return fmt.Sprintf("%s  %s  %-26s %-17s %s %s", l.ID, l.CreatedAt.Format(time.RFC3339), l.Kind, user, l.Failure, again)
}

type outboxRetryCommand struct {
	ID  string `arg:"" optional:"" help:"The id of a message, as list prints it."`
	All bool   `help:"Retry all messages that list prints."`
}

// Run posts them anew; a running server sends them.
func (c outboxRetryCommand) Run(sh *shell) error {
	if (c.ID == "") != c.All {
		return fmt.Errorf("name a message, or say --all")
	}
	return sh.withOutbox(func(d *postgres.DB, o *outbox.Outbox) error {
		var ids []uuid.UUID
		if c.All {
			list, err := o.ListFailed(sh.ctx, 10_000)
			if err != nil {
				return err
			}
			for _, m := range list {
				if m.CanBeRetried {
					ids = append(ids, m.ID)
				}
			}
		} else {
			id, err := uuid.Parse(c.ID)
			if err != nil {
				return fmt.Errorf("%q is not an id of a message", c.ID)
			}
			ids = append(ids, id)
		}
		return sh.retry(d, o, ids)
	})
}

func (sh *shell) retry(d *postgres.DB, o *outbox.Outbox, ids []uuid.UUID) error {
	for _, id := range ids {
		found := false
		err := d.Tx(sh.ctx, func(tx postgres.Tx) error {
			var err error
			found, err = o.Retry(sh.ctx, tx, id)
			return err
		})
		if err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("%s was not given up, or is too old to be sent", id)
		}
	}

	return sh.print(map[string]int{"to_be_sent": len(ids)}, fmt.Sprintf("%d to be sent", len(ids)))
}

// withOutbox opens the database and an outbox that sends nothing.
func (sh *shell) withOutbox(do func(*postgres.DB, *outbox.Outbox) error) error {
	d, settings, err := sh.database()
	if err != nil {
		return err
	}
	defer d.Close()
	quiet := outbox.Settings{MaxAttempts: settings.Outbox.MaxAttempts, PollOnly: settings.Outbox.PollOnly}
	o, err := outbox.New(outbox.Parts{
		DB: d, Settings: quiet, Sealer: secret.NewSealer("unused", make([]byte, 32)), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	return do(d, o)
}
