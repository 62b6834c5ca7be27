package postgres_test

import (
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/testdb"
)

// A server goes by the database's clock, however wrong its own is.
func TestSyncClock_goesByTheDatabasesClock(t *testing.T) {
	t.Parallel()
	url := testdb.Empty(t)
	for name, row := range map[string]struct{ wrong, want time.Duration }{
		"right":             {0, 0},
		"a little ahead":    {100 * time.Millisecond, 100 * time.Millisecond}, // what is left alone
		"ahead by a minute": {time.Minute, 0},
		"behind by an hour": {-time.Hour, 0},
		"a year ahead":      {365 * 24 * time.Hour, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			off := row.wrong
			clock := func() time.Time { return time.Now().Add(off) }
			d, err := postgres.Open(t.Context(), postgres.Settings{URL: url, MaxConnections: 2}, clock)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(d.Close)
			near := func(what string, want time.Duration) {
				t.Helper()
				if got := time.Until(d.Now()); (got - want).Abs() > 200*time.Millisecond {
					t.Errorf("%s: %v from the true time, want %v", what, got, want)
				}
			}
			near("before the first look", row.wrong)
			for range 3 { // an answer that came late on a busy machine says little
				if _, err := d.SyncClock(t.Context()); err == nil {
					break
				}
			}
			near("after it", row.want)

			off -= row.wrong // NTP sets the clock right
			if _, err := d.SyncClock(t.Context()); err != nil {
				t.Fatal(err)
			}
			near("when the clock is right", 0)
		})
	}
}
