package internal_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/semver"
)

// least are versions below which a public advisory, or a finding of our own tests, speaks
// against a module.
var least = map[string]string{
	"github.com/valyala/fasthttp":        "v1.78.0", // older ones take two Content-Length headers
	"github.com/gofiber/fiber/v2":        "v2.52.15",
	"github.com/jackc/pgx/v5":            "v5.9.2",
	"github.com/getkin/kin-openapi":      "v0.144.0",
	"github.com/lestrrat-go/jwx/v2":      "v2.1.6",
	"github.com/oapi-codegen/runtime":    "v1.8.0",
	"github.com/go-json-experiment/json": "v1.27.2",
}

func TestTSUP01_noModuleIsBelowItsFloor(t *testing.T) {
	seen := map[string]bool{}
	for _, folder := range modules(t) {
		out, err := exec.Command("go", "list", "-C", filepath.Join("..", folder), "-m", "-f", "{{.Path}} {{.Version}}", "all").Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(string(out), "\n") {
			path, version, _ := strings.Cut(line, " ")
			floor, known := least[path]
			if known && semver.Compare(version, floor) < 0 {
				t.Errorf("%s is %s in %s, want %s or newer", path, version, folder, floor)
			}
			seen[path] = true
		}
	}

	for path := range least {
		if !seen[path] {
			t.Errorf("no module requires %s", path)
		}
	}
}
