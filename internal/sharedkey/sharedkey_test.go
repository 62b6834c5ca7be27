package sharedkey_test

import (
	"bytes"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/secret"
	"github.com/latchkey-auth/latchkey/internal/sharedkey"
	"github.com/latchkey-auth/latchkey/internal/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m, nil) }

// one is a key of the settings.
func one(id string) sharedkey.Wrapper {
	key := bytes.Repeat([]byte(id[:1]), 32)
	return sharedkey.Wrapper{ID: "signing:" + id, Sealer: secret.NewSealer("signing", key)}
}

// server is a process that shares the keys of a database.
type server struct {
	store         *sharedkey.Store
	settings      []sharedkey.Wrapper
	hmac, sealing []byte
}

func serving(t *testing.T, url string, settings ...sharedkey.Wrapper) *server {
	t.Helper()
	d, err := postgres.Open(t.Context(), postgres.Settings{URL: url, MaxConnections: 2}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	s := &server{settings: settings}
	before := func(name string) func() []byte {
		return func() []byte { return bytes.Repeat([]byte{name[0]}, 32) }
	}
	s.store = sharedkey.New(d, func() []sharedkey.Wrapper { return s.settings },
		&sharedkey.Key{Name: sharedkey.HMAC, Before: before("h"), Set: func(key []byte) { s.hmac = key }},
		&sharedkey.Key{Name: sharedkey.Sealing, Before: before("s"), Set: func(key []byte) { s.sealing = key }},
	)
	return s
}

func (s *server) syncs(t *testing.T) {
	t.Helper()
	if err := s.store.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func exec(t *testing.T, url, sql string) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(t.Context()) }()
	if _, err := c.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func TestSync_serversThatStartAtOnceShareOneKey(t *testing.T) {
	t.Parallel()
	url := testdb.New(t)
	servers := []*server{serving(t, url, one("a")), serving(t, url, one("b"), one("a")), serving(t, url, one("a"), one("b"))}
	var wg sync.WaitGroup
	for _, s := range servers {
		wg.Go(func() {
			if err := s.store.Sync(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, s := range servers {
		if len(s.hmac) != 32 || !bytes.Equal(s.hmac, servers[0].hmac) || !bytes.Equal(s.sealing, servers[0].sealing) || bytes.Equal(s.hmac, s.sealing) {
			t.Errorf("a server has %x and %x, the first %x and %x", s.hmac, s.sealing, servers[0].hmac, servers[0].sealing)
		}
	}
	if bytes.Equal(servers[0].hmac, bytes.Repeat([]byte("h"), 32)) {
		t.Error("a new database has the key of before")
	}
}

func TestSync_aDatabaseOfBeforeKeepsItsKeys(t *testing.T) {
	t.Parallel()
	url := testdb.New(t)
	exec(t, url, "INSERT INTO rate_limits VALUES (decode(repeat('00', 32), 'hex'), now(), 1, 1)")
	s := serving(t, url, one("a"))
	s.syncs(t)
	if !bytes.Equal(s.hmac, bytes.Repeat([]byte("h"), 32)) || !bytes.Equal(s.sealing, bytes.Repeat([]byte("s"), 32)) {
		t.Errorf("%x, %x", s.hmac, s.sealing)
	}
}

func TestSync_aServerThatRunsSealsForANewKey(t *testing.T) {
	t.Parallel()
	url := testdb.New(t)
	s := serving(t, url, one("a"))
	s.syncs(t)
	s.settings = []sharedkey.Wrapper{one("b")}
	s.syncs(t)
	after := serving(t, url, one("b"))
	after.syncs(t)
	if !bytes.Equal(s.hmac, after.hmac) {
		t.Errorf("%x, want %x", after.hmac, s.hmac)
	}
}

func TestReplace_onlyWhereNoServerRunsThatHasTheKey(t *testing.T) {
	t.Parallel()
	url := testdb.New(t)
	first := serving(t, url, one("a"))
	first.syncs(t)
	other := serving(t, url, one("b"))
	var foreign *sharedkey.ForeignError
	for name, call := range map[string]func() error{
		"sync": func() error { return other.store.Sync(t.Context()) }, "replace": func() error { return other.store.Replace(t.Context()) },
	} {
		if err := call(); !errors.As(err, &foreign) || foreign.KeyIDs[0] != "signing:a" || other.hmac != nil {
			t.Errorf("%s beside a server that runs: %v", name, err)
		}
	}
	other.store.UseOwn()
	if !bytes.Equal(other.hmac, bytes.Repeat([]byte("h"), 32)) {
		t.Errorf("a key of its own: %x", other.hmac)
	}

	exec(t, url, "UPDATE shared_secrets SET seen_at = now() - interval '59 seconds'")
	if err := other.store.Replace(t.Context()); !errors.As(err, &foreign) {
		t.Errorf("59 s after the last sign of a server: %v", err)
	}
	exec(t, url, "UPDATE shared_secrets SET seen_at = now() - interval '61 seconds'")
	if err := other.store.Sync(t.Context()); !errors.As(err, &foreign) {
		t.Errorf("a sync never replaces: %v", err)
	}
	if err := other.store.Replace(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(other.hmac) != 32 || bytes.Equal(other.hmac, first.hmac) {
		t.Errorf("%x", other.hmac)
	}
	third := serving(t, url, one("b"))
	third.syncs(t)
	if !bytes.Equal(third.hmac, other.hmac) {
		t.Error("the next server has another key")
	}
}

// What is sealed opens in its own row alone.
func TestSync_aRowThatWasMovedOpensNothing(t *testing.T) {
	t.Parallel()
	url := testdb.New(t)
	serving(t, url, one("a")).syncs(t)
	exec(t, url, "UPDATE shared_secrets h SET sealed = s.sealed FROM shared_secrets s WHERE h.name = 'hmac' AND s.name = 'sealing'")
	var foreign *sharedkey.ForeignError
	if err := serving(t, url, one("a")).store.Sync(t.Context()); !errors.As(err, &foreign) {
		t.Errorf("%v", err)
	}
}
