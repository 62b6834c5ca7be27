package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

var janitorLimit = regexp.MustCompile(`(?s)-- name: ((?:Delete|Update)(?:Old|Idle|Expired)\w*|LockUnusedUsers) .*?;`)

// A chore goes on while it has a whole step: its statements have that step as their LIMIT, and take their rows
// in the order of an index, so that the planner does not read the table.
func TestChores_theirStatementsTakeAStep(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("../../queries/*.sql")
	if err != nil {
		t.Fatal(err)
	}

	statements := 0
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range janitorLimit.FindAllStringSubmatch(string(text), -1) {
			statements++
			want := sweepStep
			if found[1] == "LockUnusedUsers" {
				want = accountStep
			}
			limit := regexp.MustCompile(`ORDER BY [a-z_. ]+\s+LIMIT ` + strconv.Itoa(want) + `\b`)
			if !limit.MatchString(found[0]) {
				t.Errorf("%s: %s has no ORDER BY with LIMIT %d", path, found[1], want)
			}
		}
	}
	if statements < 14 {
		t.Errorf("%d statements of the janitor were found, want 14 at least", statements)
	}
}

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
		err := inSteps(ctx, sweepStep, func(context.Context) (int64, error) {
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
