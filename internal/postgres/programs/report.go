package programs

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// report tells the user at the terminal what a fetch does.
type report struct {
	out      io.Writer
	archive  archive
	cache    string
	terminal bool
	bytes    int64
	shown    time.Time
}

func newReport(out io.Writer, a archive, cache string) *report {
	file, ok := out.(*os.File)
	terminal := false
	if ok {
		info, err := file.Stat()
		terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}

	return &report{out: out, archive: a, cache: cache, terminal: terminal}
}

func (r *report) print(format string, values ...any) {
	_, _ = fmt.Fprintf(r.out, format, values...)
}

// version is the version as PostgreSQL writes it: 18.6, not 18.6.0.
func (r *report) version() string { return strings.TrimSuffix(r.archive.version, ".0") }

func (r *report) begin() {
	r.print("Fetching PostgreSQL %s (%d MB) into %s, for development and tests only.\n",
		r.version(), r.archive.size/1e6, r.cache)
}

// received counts bytes; a terminal sees the share ten times a second.
func (r *report) received(n int) {
	r.bytes += int64(n)

	if !r.terminal || time.Since(r.shown) < 100*time.Millisecond {
		return
	}

	r.shown = time.Now()
	r.print("\r  %3d %%", 100*r.bytes/r.archive.size)
}

func (r *report) again(err error) {
	r.bytes = 0
	r.clear()
	r.print("The fetch was cut off (%v); trying again.\n", err)
}

func (r *report) unpacking() {
	r.clear()
	r.print("Unpacking it takes some seconds.\n")
}

func (r *report) ready(took time.Duration) {
	r.print("PostgreSQL %s is ready after %.0f s. To remove it: rm -rf %s\n", r.version(), took.Seconds(), r.cache)
}

// clear removes the share from a terminal's line.
func (r *report) clear() {
	if r.terminal {
		r.print("\r\x1b[K")
	}
}
