package postgres_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/testdb"
)

// insert stores a user, and reports whether it was stored.
func insert(t *testing.T, d *postgres.DB, id int64, subject *string) (bool, error) {
	t.Helper()
	n, err := d.InsertUser(t.Context(), db.InsertUserParams{ID: id, Subject: subject, Display: "x", Now: d.Now(), Wanted: true})

	return n == 1, err
}

func TestInsertUser_takesNoIDAndNoSubjectTwice(t *testing.T) {
	t.Parallel()
	url := testdb.New(t)
	d, c := open(t, url), connect(t, url)
	run(t, c, "INSERT INTO users (id, subject, display, created_at) VALUES (7, NULL, 'ada', now()), (8, 'eve', 'eve', now())")
	run(t, c, `INSERT INTO audit_events (id, occurred_at, event, result, actor, user_id)
		VALUES ('`+uuid.NewString()+`', now(), 'account_deleted', 'success', 'server', 9)`)

	for name, row := range map[string]struct {
		id      int64
		subject string
		stored  bool
	}{
		"an id that is in use":              {7, "", false},
		"a subject that is in use":          {10, "eve", false},
		"the id of a user who was deleted":  {9, "", false},
		"a subject that differs by case":    {11, "Eve", true},
		"an id and a subject that are free": {12, "carol", true},
		"an id that is free":                {13, "", true},
	} {
		var subject *string
		if row.subject != "" {
			subject = &row.subject
		}
		stored, err := insert(t, d, row.id, subject)
		if err != nil || stored != row.stored {
			t.Errorf("%s: stored %v and %v, want %v", name, stored, err, row.stored)
		}
	}
}

// `sub` is the subject, or else the id as text: a subject that reads as an integer could be the id of
// another user, today or later, here or in software that reads `sub` as a number.
func TestUsers_aSubjectIsNeverTheIDOfAnotherUser(t *testing.T) {
	t.Parallel()
	url := testdb.New(t)
	d, c := open(t, url), connect(t, url)
	run(t, c, "INSERT INTO users (id, display, created_at) VALUES (7, 'ada', now())")

	id := int64(100)
	for _, subject := range []string{
		"7", "8", "007", "4503599627370496", "99999999999999999999", "-7", "1_000", "_", "", "a b", "é", "7\n", "a\n", "a.b", strings.Repeat("x", 65),
	} {
		if stored, err := insert(t, d, id, &subject); err == nil {
			t.Errorf("%q: stored %v, want an error", subject, stored)
		}
		id++
	}
	for _, subject := range []string{"a", "-", "7a", "12345678-1234-4123-8123-123456789012", "A_b-9", strings.Repeat("x", 64)} {
		if stored, err := insert(t, d, id, &subject); err != nil || !stored {
			t.Errorf("%q: stored %v, %v", subject, stored, err)
		}
		id++
	}

	if _, err := c.Exec(t.Context(), "UPDATE users SET subject = 'a' WHERE id = 7"); err == nil {
		t.Error("two users have one subject")
	}
	if _, err := c.Exec(t.Context(), "INSERT INTO users (id, display, created_at) VALUES (0, 'x', now())"); err == nil {
		t.Error("a user has the id 0")
	}
}

func TestFindLongestSubject_looksAtIDsAndSubjects(t *testing.T) {
	t.Parallel()
	url := testdb.New(t)
	d, c := open(t, url), connect(t, url)

	for _, step := range []struct {
		sql  string
		want int32
	}{
		{"SELECT 1", 0},
		{"INSERT INTO users (id, display, created_at) VALUES (4503599627370495, 'x', now())", 16},
		{"INSERT INTO users (id, subject, display, created_at) VALUES (1, '" + uuid.NewString() + "', 'x', now())", 36},
		{"INSERT INTO users (id, subject, display, created_at) VALUES (2, 'short', 'x', now())", 36},
		{"UPDATE users SET subject = NULL; UPDATE users SET id = 9223372036854775807 WHERE id = 2", 19},
	} {
		run(t, c, step.sql)
		if got, err := d.FindLongestSubject(t.Context()); err != nil || got != step.want {
			t.Errorf("after %s: got %d and %v, want %d", step.sql, got, err, step.want)
		}
	}
}
