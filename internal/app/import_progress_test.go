package app

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/moving"
)

func TestProgress_isABarOnATerminalAndLinesElsewhere(t *testing.T) {
	t.Parallel()

	for isTerminal, want := range map[bool]string{
		true: "\r\x1b[Kreading   [###############...............] 50 of 100 (50%)" +
			"\r\x1b[Kusers     [##############################] 7 of 7 (100%)\n",
		false: "latchkey: reading: 50 of 100 (50%)\nlatchkey: users: 7 of 7 (100%)\n",
	} {
		var out bytes.Buffer
		now := time.Now()
		p := newProgress(&shell{err: &out, now: func() time.Time { return now }}, 100)
		p.isTerminal = isTerminal

		p.show(moving.Progress{Step: "reading", Bytes: 10}) // too early
		now = now.Add(lineEvery)
		p.show(moving.Progress{Step: "reading", Bytes: 50})
		p.show(moving.Progress{Step: "reading", Bytes: 60}) // too early
		p.show(moving.Progress{Step: "users", Done: 7, Total: 7})
		p.end()
		p.end()
		if got := out.String(); got != want {
			t.Errorf("on a terminal %v: got %q, want %q", isTerminal, got, want)
		}
		if strings.Count(out.String(), "\n") == 0 {
			t.Error("the last line has no end")
		}
	}
}
