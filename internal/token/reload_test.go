package token

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/problem"
)

func TestTLOAD05_randomKidsCostOneReloadIn30Seconds(t *testing.T) {
	t.Parallel()
	text, _, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	ring, err := NewKeyring(text)
	if err != nil {
		t.Fatal(err)
	}
	now, reads := time.Unix(1790000000, 0), 0
	var broken error
	ring.Follow(func() (string, error) { reads++; return text, broken }, func() time.Time { return now })
	for n := range 100 {
		if k, err := ring.find(strings.Repeat("x", n%43+1)); k != nil || err != nil {
			t.Fatalf("%v %v", k, err)
		}
	}
	if reads != 1 {
		t.Errorf("%d reads for a hundred unknown kids", reads)
	}
	now, broken = now.Add(30*time.Second), errors.New("gone")
	for range 10 {
		if _, err := ring.find("unknown"); !errors.Is(err, problem.TemporarilyUnavailable) {
			t.Fatalf("an unreadable source must not look like a bad token: %v", err)
		}
	}
	if reads != 2 {
		t.Errorf("%d reads", reads)
	}
}
