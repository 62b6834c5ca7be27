package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey-auth/latchkey/internal/app"
	"github.com/latchkey-auth/latchkey/internal/config"
)

// janitorBound is how long one step of the janitor may take, however large the tables are.
const janitorBound = time.Second

// seedDue adds rows to each table that the janitor reads: many that stay, and 20,000 that are due.
var seedDue = []string{
	`UPDATE sessions SET ended_at = now() - interval '91 days', end_reason = 'signed_out' WHERE listing_id <= 10000`,
	`UPDATE sessions SET refresh_expires_at = now() - interval '91 days', token_expires_at = now() - interval '91 days' WHERE listing_id BETWEEN 10001 AND 20000`,
	`INSERT INTO sessions (id, listing_id, token_hash, created_at, expires_at, generation, rotated_at, refresh_expires_at, sends_idempotency_keys, last_seen_at, user_agent, device_name, methods, attempt)
		SELECT md5('pending ' || n)::uuid, 4000000000000000 + n, sha256(convert_to('pending ' || n, 'UTF8')), t, t, 1, t, t, false, t, '', '', '[]', '{}'
		FROM generate_series(1, $1::bigint / 20) n, LATERAL (SELECT now() + CASE WHEN n <= 20000 THEN interval '-1 day' ELSE interval '1 day' END) a(t)`,
	`INSERT INTO codes SELECT md5('session ' || n)::uuid, 'login', NULL, 'x@example.com', sha256(n::text::bytea), 1, 1, 1, now(), now() + CASE WHEN n <= 20000 THEN interval '-1 day' ELSE interval '1 day' END FROM generate_series(30001, 30000 + $1::bigint / 20) n`,
	`INSERT INTO ceremonies SELECT md5('session ' || n)::uuid, 'login', 'x', now() + CASE WHEN n <= 50000 THEN interval '-1 day' ELSE interval '1 day' END FROM generate_series(30001, 30000 + $1::bigint / 20) n`,
	`INSERT INTO links SELECT sha256(n::text::bytea), 'verify_email', 1, 'x@example.com', now(), now() + CASE WHEN n <= 20000 THEN interval '-1 day' ELSE interval '1 day' END FROM generate_series(1, $1::bigint / 20) n`,
	`INSERT INTO rate_limits SELECT sha256(n::text::bytea), now() + CASE WHEN n <= 20000 THEN interval '-1 day' ELSE interval '1 day' END, 1, 60 FROM generate_series(1, $1::bigint / 5) n`,
	`INSERT INTO messages (id, kind, sealed, created_at, sent_at)
		SELECT gen_random_uuid(), 'nothing', CASE WHEN n <= 20000 THEN 'x'::bytea END, now() - n * (interval '30 days' / ($1::bigint / 2)) - CASE WHEN n <= 20000 THEN interval '8 days' ELSE interval '0' END, now()
		FROM generate_series(1, $1::bigint / 2) n`,
	`INSERT INTO messages (id, kind, created_at, sent_at) SELECT gen_random_uuid(), 'nothing', now() - interval '31 days', now() FROM generate_series(1, 20000)`,
	`INSERT INTO audit_events (id, occurred_at, event, result, actor, address)
		SELECT gen_random_uuid(), now() - n * (interval '200 days' / $1::bigint), 'login', 'success', 'user', CASE WHEN n <= $1::bigint * 9 / 20 OR n > $1::bigint - 20000 THEN '192.0.2.1' END FROM generate_series(1, $1::bigint) n`,
	`INSERT INTO provider_nonces SELECT sha256(n::text::bytea), now() + CASE WHEN n <= 20000 THEN interval '-1 day' ELSE interval '1 day' END FROM generate_series(1, $1::bigint / 20) n`,
	`INSERT INTO users (id, display, created_at, unused_since) SELECT 4000000000000000 + n, 'x', t, t FROM generate_series(1, 20000) n, LATERAL (SELECT now() - interval '31 days' + n * interval '1 second') a(t)`,
	`INSERT INTO email_addresses (user_id, address, is_primary, created_at) SELECT id, id || '@unused.example.com', true, created_at FROM users WHERE unused_since IS NOT NULL`,
	`INSERT INTO email_addresses (user_id, address, is_primary, created_at) SELECT id, id || '@expired.example.com', false, now() - interval '8 days' FROM users WHERE unused_since IS NULL ORDER BY id LIMIT 20000`,
	`INSERT INTO spent_id_tokens SELECT sha256(n::text::bytea), now() + CASE WHEN n <= 20000 THEN interval '-1 day' ELSE interval '1 day' END FROM generate_series(1, $1::bigint / 20) n`,
}

// janitor loads sessions and what is stored beside them, sweeps once, and reports the longest
// step of each chore. The data is on the disk of the temporary directory.
func janitor(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp(os.TempDir(), "latchkey-bench-")
	if err != nil {
		return err
	}
	b := &bench{options: o, ctx: ctx, dir: dir}
	defer b.close()
	if err := b.prepare(); err != nil {
		return err
	}

	began := time.Now()
	url, err := b.database("janitor", rows{sessions: o.janitor, users: max(1, o.janitor/10)})
	if err != nil {
		return err
	}
	if err := loadDue(ctx, url, o.janitor); err != nil {
		return err
	}
	o.report.note("The janitor beside %d sessions, loaded in %s. The longest of its steps, which take 2,000 rows each.", o.janitor, time.Since(began).Round(time.Second))

	return b.sweep(url)
}

func loadDue(ctx context.Context, url string, sessions int) error {
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(ctx) }()

	for _, sql := range seedDue {
		var values []any
		if strings.Contains(sql, "$1") {
			values = append(values, sessions)
		}
		if _, err := c.Exec(ctx, sql, values...); err != nil {
			return fmt.Errorf("%.60s: %w", sql, err)
		}
	}

	return settle(ctx, c)
}

// chore is what the steps of a chore took.
type chore struct {
	name    string
	steps   int
	rows    int64
	longest time.Duration
}

// sweep sweeps twice, since the second one has the next page of sessions before it.
func (b *bench) sweep(url string) error {
	settings, _, err := config.Read(config.Environment{"DATABASE_URL": url, "HEADLESS_JWT_PRIVATE_KEY": b.key, "LATCHKEY_ADDR": "127.0.0.1:0", "LATCHKEY_OPS_ADDR": "off"})
	if err != nil {
		return err
	}
	a, err := app.New(b.ctx, settings, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer a.Close()
	if err := a.Prepare(b.ctx); err != nil { // the audit log hashes with the shared keys
		return err
	}

	var chores []*chore
	report := func(s app.SweepStep) {
		i := slices.IndexFunc(chores, func(c *chore) bool { return c.name == s.Chore })
		if i < 0 {
			i, chores = len(chores), append(chores, &chore{name: s.Chore})
		}
		chores[i].steps++
		chores[i].rows += s.Rows
		chores[i].longest = max(chores[i].longest, s.Took)
	}
	for range 2 {
		if err := a.SweepMeasured(b.ctx, report); err != nil {
			return err
		}
	}

	for _, c := range chores {
		b.report.claim(claim{
			What: "janitor: " + c.name, Value: c.longest.Seconds(), Limit: janitorBound.Seconds(), Most: true, Unit: "s",
			Note: fmt.Sprintf("%d steps, %d rows", c.steps, c.rows),
		})
	}

	return nil
}
