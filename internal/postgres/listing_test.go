package postgres_test

import (
	"crypto/sha256"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/testdb"
)

// session stores a session of a user, with the listing ids that were drawn for it.
func session(t *testing.T, d *postgres.DB, userID int64, drawn ...int64) (uuid.UUID, error) {
	t.Helper()

	id, now := uuid.New(), d.Now()
	hash := sha256.Sum256(id[:])

	return id, d.InsertSession(t.Context(), db.InsertSessionParams{
		ID: id, Drawn: drawn, TokenHash: hash[:], UserID: userID, CreatedAt: now, ExpiresAt: now.Add(time.Hour),
		RefreshIssuedAt: now, RefreshExpiresAt: now.Add(time.Hour), Methods: json.RawMessage("[]"), TokenExpiresAt: now.Add(time.Hour),
	})
}

func TestListingIDs_oneThatIsInUseIsDrawnAgain(t *testing.T) {
	t.Parallel()
	url := testdb.New(t)
	d, c := open(t, url), connect(t, url)
	if _, err := c.Exec(t.Context(), "INSERT INTO users (id, display, created_at) VALUES (1, 'ada', now()), (2, 'eve', now())"); err != nil {
		t.Fatal(err)
	}

	for _, row := range []struct {
		name  string
		user  int64
		drawn []int64
		want  int64
	}{
		{"the first one", 1, []int64{7, 8, 9}, 7},
		{"one that is in use", 1, []int64{7, 8, 9}, 8},
		{"two that are in use", 1, []int64{7, 8, 9}, 9},
		{"one that another user has", 2, []int64{7, 8, 9}, 7},
	} {
		t.Run(row.name, func(t *testing.T) {
			id, err := session(t, d, row.user, row.drawn...)
			if err != nil {
				t.Fatal(err)
			}
			if got := ask[int64](t, c, "SELECT listing_id FROM sessions WHERE id = '"+id.String()+"'"); got != row.want {
				t.Errorf("listing id %d, want %d", got, row.want)
			}
		})
	}

	t.Run("all are in use", func(t *testing.T) {
		if _, err := session(t, d, 1, 7, 8, 9); err == nil {
			t.Error("a session was stored without a listing id of its own")
		}
	})

	t.Run("a session that becomes a user's", func(t *testing.T) {
		pending, now := uuid.New(), d.Now()
		hash := sha256.Sum256(pending[:])
		if err := d.InsertPendingSession(t.Context(), db.InsertPendingSessionParams{
			ID: pending, ListingID: 7, TokenHash: hash[:], CreatedAt: now, ExpiresAt: now.Add(time.Hour), Attempt: json.RawMessage("{}"),
		}); err != nil {
			t.Fatal(err)
		}

		n, err := d.UpdateSessionSignedIn(t.Context(), db.UpdateSessionSignedInParams{
			ID: pending, Drawn: []int64{8, 9, 10}, UserID: 1, TokenHash: hash[:], CreatedAt: now, ExpiresAt: now.Add(time.Hour),
			RefreshIssuedAt: now, RefreshExpiresAt: now.Add(time.Hour), Methods: json.RawMessage("[]"), TokenExpiresAt: now.Add(time.Hour),
		})
		if err != nil || n != 1 {
			t.Fatalf("%d rows, %v", n, err)
		}
		if got := ask[int64](t, c, "SELECT listing_id FROM sessions WHERE id = '"+pending.String()+"'"); got != 10 {
			t.Errorf("listing id %d, want 10", got)
		}
	})
}
