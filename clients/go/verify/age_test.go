package verify

import (
	"net/http"
	"testing"
	"time"
)

func TestAge_isWhatTheAnswerSaysWithinBounds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		control, age string
		want         time.Duration
	}{
		{"public, max-age=300", "", 5 * time.Minute},
		{"max-age=600", "", 10 * time.Minute},
		{`Public, MAX-AGE="600"`, "", 10 * time.Minute},
		{"max-age=600", "200", 400 * time.Second},
		{"max-age=600", "10000", time.Minute},
		{"max-age=600", "-5", 10 * time.Minute},
		{"max-age=0", "", time.Minute},
		{"max-age=59", "", time.Minute},
		{"max-age=3601", "", time.Hour},
		{"max-age=99999999999999999999", "", 5 * time.Minute},
		{"max-age=-1", "", 5 * time.Minute},
		{"no-store", "", time.Minute},
		{"max-age=600, no-cache", "", time.Minute},
		{"", "", 5 * time.Minute},
		{"s-maxage=600", "", 5 * time.Minute},
	} {
		h := http.Header{"Cache-Control": {c.control}, "Age": {c.age}}
		if got := ageOf(h); got != c.want {
			t.Errorf("Cache-Control %q, Age %q: %s, want %s", c.control, c.age, got, c.want)
		}
	}
}
