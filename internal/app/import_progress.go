package app

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/latchkey-auth/latchkey/internal/moving"
)

// progress shows how far an import is: a bar on a terminal, otherwise a line every few seconds.
type progress struct {
	sh         *shell
	size       int64 // of the file; 0: not known
	isTerminal bool
	last       time.Time
	step       string
	isOpen     bool // the bar has no line feed yet
}

const (
	barEvery  = 100 * time.Millisecond
	lineEvery = 5 * time.Second
)

func newProgress(sh *shell, size int64) *progress {
	file, isFile := sh.err.(*os.File)

	return &progress{sh: sh, size: size, isTerminal: isFile && term.IsTerminal(int(file.Fd())), last: sh.now()}
}

func (p *progress) show(at moving.Progress) {
	every := lineEvery
	if p.isTerminal {
		every = barEvery
	}
	isNew := at.Step != p.step && p.step != ""
	now := p.sh.now()
	if !isNew && now.Sub(p.last) < every {
		p.step = at.Step
		return
	}
	p.last, p.step = now, at.Step

	done, total := at.Done, at.Total
	if at.Step == "reading" {
		done, total = at.Bytes, p.size
	}
	if !p.isTerminal {
		_, _ = fmt.Fprintf(p.sh.err, "latchkey: %s: %s\n", at.Step, amounts(done, total))
		return
	}

	const width = 30
	filled := 0
	if total > 0 {
		filled = int(min(done, total) * width / total)
	}
	_, _ = fmt.Fprintf(p.sh.err, "\r\x1b[K%-9s [%s%s] %s", at.Step, strings.Repeat("#", filled), strings.Repeat(".", width-filled), amounts(done, total))
	p.isOpen = true
}

func amounts(done, total int64) string {
	if total == 0 {
		return fmt.Sprintf("%d", done)
	}

	return fmt.Sprintf("%d of %d (%d%%)", done, total, min(done, total)*100/total)
}

// end leaves the line of the bar. It can be called again.
func (p *progress) end() {
	if p.isOpen {
		_, _ = fmt.Fprintln(p.sh.err)
	}
	p.isOpen = false
}

func writeJSON(out io.Writer, value any) error { return json.NewEncoder(out).Encode(value) }
