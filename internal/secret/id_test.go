package secret_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/secret"
)

func TestIDs_areInTheirRange(t *testing.T) {
	t.Parallel()

	for name, row := range map[string]struct {
		draw  func() int64
		below int64
	}{
		"31 bits": {secret.ID31, 1 << 31},
		"52 bits": {secret.ID52, 1 << 52},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			var most int64
			for range 10_000 {
				id := row.draw()
				if id < 1 || id >= row.below {
					t.Fatalf("%d is out of range", id)
				}
				most = max(most, id)
			}
			if most < row.below/2 {
				t.Errorf("the greatest of 10000 is %d: the upper half is never drawn", most)
			}
		})
	}
}

func TestUnique_drawsAgainWhatIsInUse(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	counting := func() func() int64 {
		n := int64(0)
		return func() int64 { n++; return n }
	}

	for name, row := range map[string]struct {
		inUse []int64
		fails error
		want  int64
		err   bool
	}{
		"the first is free":     {nil, nil, 1, false},
		"the first two are not": {[]int64{1, 2}, nil, 3, false},
		"the store fails":       {nil, broken, 1, true},
		"none is free":          {[]int64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}, nil, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			got, err := secret.Unique(counting(), func(id int64) (bool, error) {
				return !slices.Contains(row.inUse, id), row.fails
			})
			if got != row.want || (err != nil) != row.err {
				t.Errorf("got %d and %v, want %d", got, err, row.want)
			}
		})
	}
}
