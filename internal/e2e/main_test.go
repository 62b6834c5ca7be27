// Package e2e drives the real program: app.New on a free port, a real PostgreSQL, the
// Go client, and a clock that tests move by hand. Every answer is checked against
// openapi.yaml on its way (transport_test.go).
package e2e

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/latchkey-auth/latchkey/internal/testdb"
)

// lasting goroutines are no server's: fasthttp has two that sleep on for the process, and
// the tests' own PostgreSQL and caretaker end after this.
var lasting = []goleak.Option{
	goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
	goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
	goleak.IgnoreAnyFunction("github.com/latchkey-auth/latchkey/internal/postgres.(*Local).run.func1"),
	goleak.IgnoreAnyFunction("os/exec.(*Cmd).Start.func2"),
}

// TestMain fails the run when the spec documents an answer that no test has seen. A run
// of selected tests is not asked.
func TestMain(m *testing.M) {
	flag.Parse()
	testdb.Main(m, func(code int) int {
		// T-RACE-02: whatever a server has started ends with it.
		if err := goleak.Find(lasting...); err != nil && code == 0 {
			fmt.Fprintln(os.Stderr, "goroutines outlive their tests:", err)
			return 1
		}
		if code != 0 || flag.Lookup("test.run").Value.String() != "" || flag.Lookup("test.list").Value.String() != "" {
			return code
		}
		unseen, stale := spec.unseen(), samples.finish()
		for _, u := range unseen {
			fmt.Fprintln(os.Stderr, "documented, but seen by no test:", u)
		}
		for _, s := range stale {
			fmt.Fprintln(os.Stderr, "clients/testdata:", s)
		}
		if len(unseen)+len(stale) > 0 {
			return 1
		}
		return 0
	})
}
