package app

import (
	"context"
	"errors"
	"testing"
)

func TestInSteps_goesOnUntilLessThanAStepIsLeft(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, row := range map[string]struct {
		removed []int64
		fails   int // this call returns broken
		ends    int // after this call ctx ends
		want    int // calls
	}{
		"nothing there": {[]int64{0}, 0, 0, 1}, "less than a step": {[]int64{sweepStep - 1}, 0, 0, 1}, "a step and nothing": {[]int64{sweepStep, 0}, 0, 0, 2},
		"two kinds at once": {[]int64{2 * sweepStep, sweepStep + 3, 7}, 0, 0, 3}, "it fails": {[]int64{sweepStep, sweepStep, sweepStep, 0}, 2, 0, 2}, "the server stops": {[]int64{sweepStep, sweepStep, sweepStep, 0}, 0, 3, 3},
	} {
		ctx, stop := context.WithCancel(context.Background())
		calls := 0
		err := inSteps(ctx, func(context.Context) (int64, error) {
			calls++
			if calls == row.ends {
				stop()
			}
			if calls == row.fails {
				return sweepStep, broken
			}
			return row.removed[calls-1], nil
		})
		if calls != row.want || errors.Is(err, broken) != (row.fails > 0) {
			t.Errorf("%s: %d calls, %v", name, calls, err)
		}
		stop()
	}
}
