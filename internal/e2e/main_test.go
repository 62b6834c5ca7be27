// Package e2e drives the real program: app.New on a free port, a real PostgreSQL, the
// Go client, and a clock that tests move by hand. Every answer is checked against
// openapi.yaml on its way (transport_test.go).
package e2e

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/testdb"
)

// TestMain fails the run when the spec documents an answer that no test has seen. A run
// of selected tests is not asked.
func TestMain(m *testing.M) {
	flag.Parse()
	testdb.Main(m, func(code int) int {
		if code != 0 || flag.Lookup("test.run").Value.String() != "" || flag.Lookup("test.list").Value.String() != "" {
			return code
		}
		unseen := spec.unseen()
		for _, u := range unseen {
			fmt.Fprintln(os.Stderr, "documented, but seen by no test:", u)
		}
		if len(unseen) > 0 {
			return 1
		}
		return 0
	})
}
