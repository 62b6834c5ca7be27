package secret_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/secret"
)

func TestResealing_movesWhatItCanOpenAndCountsTheRest(t *testing.T) {
	t.Parallel()
	parse := func(text string) *secret.Sealer {
		s, err := secret.ParseSealer(text)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	old, lost, newest := parse("old:"+key(2)), parse("lost:"+key(3)), parse("new:"+key(1)+",old:"+key(2))
	r := secret.Resealing{Keys: newest}
	var stored [][]byte
	store := func(fresh []byte) (int64, error) { stored = append(stored, fresh); return 1, nil }
	for _, sealed := range [][]byte{
		lost.Seal([]byte("a"), "row"), old.Seal([]byte("b"), "row"), lost.Seal([]byte("c"), "row"), old.Seal([]byte("of another"), "elsewhere"), []byte("no sealed text"), nil,
		newest.Seal([]byte("d"), "row"), old.Seal([]byte("e"), "row"),
	} {
		if err := r.Move(sealed, "row", store); err != nil {
			t.Error(err)
		}
	}
	if r.Moved != 2 || r.Unreadable != 5 || !slices.Equal(r.Missing, []string{"lost"}) || len(stored) != 2 {
		t.Errorf("%d moved, %d unreadable, %v missing, %d stored", r.Moved, r.Unreadable, r.Missing, len(stored))
	}
	for n, want := range []string{"b", "e"} {
		if text, err := parse("new:"+key(1)).Open(stored[n], "row"); err != nil || string(text) != want {
			t.Errorf("%q, %v, want %q with the newest key alone", text, err, want)
		}
	}
	// What has changed meanwhile is not counted, and what the database says is passed on.
	away := errors.New("away")
	for _, want := range []error{nil, away} {
		if err := r.Move(old.Seal([]byte("f"), "row"), "row", func([]byte) (int64, error) { return 0, want }); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	if r.Moved != 2 || r.Unreadable != 5 {
		t.Errorf("%+v", r)
	}
	if !bytes.HasPrefix(stored[0], []byte("new:")) {
		t.Errorf("%q", stored[0][:8])
	}
}
