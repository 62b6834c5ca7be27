package e2e

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/testdb"
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// fenced are the fenced blocks of a kind in the README.
func fenced(t *testing.T, kind string) []string {
	t.Helper()
	var list []string
	for _, part := range strings.Split(read(t, "../../README.md"), "```"+kind+"\n")[1:] {
		text, _, _ := strings.Cut(part, "```")
		list = append(list, text)
	}
	return list
}

// TestReadme_theWalkIsTheTour: the curl lines of the README are those that `latchkey dev`
// prints, which another test runs as they are.
func TestReadme_theWalkIsTheTour(t *testing.T) {
	t.Parallel()
	tour := strings.NewReplacer("{{.URL}}", "http://127.0.0.1:8080", "{{.Email}}", "demo@example.com", "{{.Password}}", "…").Replace(read(t, "../app/tour.txt"))
	var walk strings.Builder
	_, tour, _ = strings.Cut(tour, "at once:\n\n")
	tour, _, _ = strings.Cut(tour, "\nThe keys")
	for _, line := range strings.Split(tour, "\n") {
		walk.WriteString(strings.TrimPrefix(line, "  ") + "\n")
	}
	for _, block := range fenced(t, "sh") {
		if strings.HasPrefix(block, "API=") {
			if strings.TrimSpace(block) != strings.TrimSpace(walk.String()) {
				t.Errorf("the README's walk:\n%s\nthe tour:\n%s", block, walk.String())
			}
			return
		}
	}
	t.Error("the README has no walk")
}

func TestReadme_theClientExampleIsRealAndRuns(t *testing.T) {
	t.Parallel()
	code := fenced(t, "go")
	example := strings.ReplaceAll(read(t, "../../clients/go/example/main.go"), "\n\t", "\n")
	if len(code) != 1 || !strings.Contains(example, strings.TrimSpace(code[0])) {
		t.Errorf("clients/go/example has not the README's code:\n%s", code)
	}
	w := start(t)
	out, err := exec.Command("go", "run", "-C", "../../clients/go", "./example", w.url, "you@example.com").CombinedOutput()
	if err != nil || string(out) != "signed in as you verified: false\nsigned out\n" {
		t.Errorf("%v: %s", err, out)
	}
}

func TestReadme_theClaimsFunctionWorks(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.exec("CREATE SCHEMA app; CREATE TABLE app.people (id bigint, role text)")
	w.exec(fenced(t, "sql")[0])
	w.app, w.url = w.serve("LATCHKEY_CLAIMS_FUNCTION=app.claims")
	s := w.signedUp("ada@example.com")
	w.exec("INSERT INTO app.people SELECT id, 'engineer' FROM users")
	if err := s.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := claims(t, s.Tokens().Access); c["role"] != "engineer" {
		t.Errorf("claims: %v", c)
	}
}

// TestReadme_theServeLinesWork runs "Running it" as written, but for the address of the
// database and the place of the program.
func TestReadme_theServeLinesWork(t *testing.T) {
	t.Parallel()
	var lines string
	for _, block := range fenced(t, "sh") {
		if strings.Contains(block, "latchkey serve") {
			lines = strings.NewReplacer("bin/latchkey", binary(t), "DATABASE_URL=postgres://…", "exec env DATABASE_URL='"+testdb.New(t)+"'").Replace(block)
		}
	}
	log := &buffer{}
	cmd := exec.Command("bash", "-ec", lines)
	cmd.Dir, cmd.Stderr = t.TempDir(), log
	cmd.Env = append(os.Environ(), "LATCHKEY_ADDR=127.0.0.1:0", "LATCHKEY_OPS_ADDR=off")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, "listening", func() bool { return strings.Contains(log.String(), `"msg":"listening"`) })
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, log)
	}
}
