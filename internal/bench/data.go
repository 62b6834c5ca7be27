package main

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/latchkey-auth/latchkey/internal/config"
	"github.com/latchkey-auth/latchkey/internal/password"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/postgres/programs"
	"github.com/latchkey-auth/latchkey/internal/token"
)

// pass is everybody's password.
const pass = "a long enough password"

// bench is what all measurements share: a PostgreSQL, a key, and the programs.
type bench struct {
	options
	ctx     context.Context
	dir     string
	local   *postgres.Local
	key     string // PEM
	hash    string // of pass
	issuer  *token.Issuer
	forward int // client addresses that were used up

	refreshed atomic.Int64 // answers with tokens since makeOld
}

// open starts PostgreSQL with its ordinary settings. Its data stands in memory where the
// system has /dev/shm: a commit is written and synced, but no disk turns for it.
func open(ctx context.Context, o options) (*bench, error) {
	base := "/dev/shm"
	if _, err := os.Stat(base); err != nil {
		base = os.TempDir()
	}
	dir, err := os.MkdirTemp(base, "latchkey-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{options: o, ctx: ctx, dir: dir}
	if err := b.prepare(); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bench) prepare() error {
	if err := os.Chmod(b.dir, 0o711); err != nil { // the database's account passes through
		return err
	}
	var err error
	bin, err := programs.Find(b.ctx, programs.FromLookup(os.Getenv), os.Stderr)
	if err != nil {
		return err
	}
	if b.local, err = postgres.StartLocal(b.ctx, filepath.Join(b.dir, "pg"), bin); err != nil {
		return err
	}
	if b.key, _, err = token.GenerateKey(); err != nil {
		return err
	}
	ring, err := token.NewKeyring(b.key)
	if err != nil {
		return err
	}
	settings, _, err := config.Read(config.Environment{})
	if err != nil {
		return err
	}
	if b.issuer, err = token.NewIssuer(ring, settings.Token); err != nil {
		return err
	}
	slot, err := password.NewGate().Enter(b.ctx)
	if err != nil {
		return err
	}
	defer slot.Leave()
	b.hash, err = slot.Hash(pass)
	return err
}

func (b *bench) close() {
	if b.local != nil {
		_ = b.local.Stop()
	}
	_ = os.RemoveAll(b.dir)
}

// rows says how much stands in a database.
type rows struct {
	sessions int
	users    int // session n belongs to user 1 + (n-1) % users
	fresh    int // the first sessions whose first generation nobody has seen in use yet
}

// seedUsers, seedAddresses and seedSessions make data whose every value follows from its
// number, so that nothing has to be read back.
const (
	seedUsers = `INSERT INTO users (id, display, password_hash, created_at)
		SELECT n, 'user ' || n, $2::text, now() FROM generate_series(1, $1::bigint) n`
	seedAddresses = `INSERT INTO email_addresses (user_id, address, verified_at, is_primary, created_at)
		SELECT n, 'user' || n || '@example.com', now(), true, now() FROM generate_series(1, $1::bigint) n`
	seedSessions = `INSERT INTO sessions (id, listing_id, token_hash, user_id, created_at, expires_at, generation, rotated_at, refresh_expires_at,
			confirmed_at, sends_idempotency_keys, last_seen_at, user_agent, device_name, address, methods)
		SELECT md5('session ' || n)::uuid, n, sha256(convert_to('lkst_' || lpad(n::text, 43, '0'), 'UTF8')), 1 + (n - 1) % $2::bigint,
			now(), now() + interval '90 days', 1, now() - interval '1 hour', now() + interval '1 day',
			CASE WHEN n > $3::bigint THEN now() END, false, now(), 'bench/1.0', 'a phone', '192.0.2.1',
			jsonb_build_array(jsonb_build_object('method', 'password', 'at', 1790000000.25, 'email', 'user' || (1 + (n - 1) % $2::bigint) || '@example.com'))
		FROM generate_series(1, $1::bigint) n`
)

// makeOld makes every refresh token older than the grace, so that spending it rotates, and returns
// how many were younger: so many have been rotated since it was called last.
const makeOld = `UPDATE sessions SET rotated_at = rotated_at - interval '1 hour' WHERE rotated_at > now() - interval '30 minutes'`

// confirmAll notes of every token that it has arrived.
const confirmAll = `UPDATE sessions SET confirmed_at = now() WHERE confirmed_at IS NULL`

// emptyDatabase makes a database and returns its address.
func (b *bench) emptyDatabase(name string) (string, error) {
	url := strings.Replace(b.local.URL, "dbname=postgres", "dbname="+name, 1)

	return url, execute(b.ctx, b.local.URL, "CREATE DATABASE "+name)
}

// database makes a migrated database with rows in it, and returns its address.
func (b *bench) database(name string, r rows) (string, error) {
	url, err := b.emptyDatabase(name)
	if err != nil {
		return "", err
	}
	d, err := postgres.Open(b.ctx, postgres.Settings{URL: url, MaxConnections: 2}, time.Now)
	if err != nil {
		return "", err
	}
	defer d.Close()
	if _, err := d.Migrate(b.ctx); err != nil {
		return "", err
	}
	c, err := pgx.Connect(b.ctx, url)
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close(b.ctx) }()
	if _, err := c.Exec(b.ctx, seedUsers, r.users, b.hash); err != nil {
		return "", err
	}
	if _, err := c.Exec(b.ctx, seedAddresses, r.users); err != nil {
		return "", err
	}
	if _, err := c.Exec(b.ctx, seedSessions, r.sessions, r.users, r.fresh); err != nil {
		return "", err
	}
	return url, settle(b.ctx, c)
}

// settle leaves nothing to do in the background that would fall into a measurement.
func settle(ctx context.Context, c *pgx.Conn) error {
	for _, sql := range []string{"VACUUM ANALYZE", "CHECKPOINT"} {
		if _, err := c.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

func execute(ctx context.Context, url, sql string) error {
	_, err := change(ctx, url, sql)
	return err
}

// change runs one statement and returns how many rows it changed.
func change(ctx context.Context, url, sql string) (int64, error) {
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return 0, err
	}
	defer func() { _ = c.Close(ctx) }()
	done, err := c.Exec(ctx, sql)
	return done.RowsAffected(), err
}

// sessionID and sessionToken are those of session n.
func sessionID(n int) uuid.UUID { return md5.Sum(fmt.Appendf(nil, "session %d", n)) }

func sessionToken(n int) string { return fmt.Sprintf("lkst_%043d", n) }

func tokenHash(t string) []byte {
	sum := sha256.Sum256([]byte(t))
	return sum[:]
}

// access signs a fresh access token for each of the sessions from..to-1.
func (b *bench) access(r rows, from, to int) ([]string, error) {
	list := make([]string, 0, to-from)
	for n := from; n < to; n++ {
		t, err := b.issuer.Access(claims(r, n), time.Now())
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, nil
}

// refresh signs the refresh token of the first generation of each of the sessions.
func (b *bench) refresh(r rows, from, to int) ([]string, error) {
	list := make([]string, 0, to-from)
	for n := from; n < to; n++ {
		c := claims(r, n)
		c.IssuedAt = time.Now()
		c.ExpiresAt = c.IssuedAt.Add(24 * time.Hour)
		t, err := b.issuer.Refresh(c)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, nil
}

func claims(r rows, n int) token.Claims {
	return token.Claims{Subject: strconv.Itoa(1 + (n-1)%r.users), SessionID: sessionID(n), Generation: 1}
}
