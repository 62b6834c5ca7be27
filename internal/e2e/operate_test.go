package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/testdb"
)

// section is the text of a page below a heading, up to the next one.
func section(t *testing.T, page, heading string) string {
	t.Helper()
	_, text, found := strings.Cut(page, "\n## "+heading+"\n")
	if !found {
		t.Fatalf("the page has no section %q", heading)
	}
	text, _, _ = strings.Cut(text, "\n## ")

	return text
}

// An operator who types what docs/operate.md says, in its order, has keys, a database, a dump and a restored
// copy of it in the end.
func TestOperate_theCommandsOfTheGuideWorkAsWritten(t *testing.T) {
	t.Parallel()
	bin := serverPrograms(t)
	for _, tool := range []string{"psql", "pg_dump", "pg_restore"} {
		if _, err := os.Stat(filepath.Join(bin, tool)); err != nil {
			t.Logf("left out: the commands of docs/operate.md need %s in the folder of PostgreSQL's programs", tool)
			return
		}
	}

	// A server of its own: roles belong to all databases of one.
	url, stop, err := testdb.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	host, _, _ := strings.Cut(strings.TrimPrefix(url, "host="), " ")
	dir := t.TempDir()
	if err := os.Symlink(binary(t), filepath.Join(dir, "latchkey")); err != nil {
		t.Fatal(err)
	}

	page := read(t, "../../docs/operate.md")
	var script strings.Builder
	script.WriteString("set -eu\n")
	for _, heading := range []string{"Keys and secrets", "The database", "The service", "Backup, and a restore that was tried", "Traces"} {
		for _, part := range strings.Split(section(t, page, heading), "```sh\n")[1:] {
			block, _, _ := strings.Cut(part, "```")
			script.WriteString(block)
		}
	}
	deploy, err := filepath.Abs("../../docs/deploy")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer(
		"/etc/latchkey", filepath.Join(dir, "etc"),
		"/var/backups", dir,
		"docs/deploy", deploy,
		"runuser -u postgres -- ", "",
		"@localhost/latchkey?sslmode=prefer", "@/latchkey?host="+host,
	).Replace(script.String())

	shell := exec.Command("sh", "-c", text)
	shell.Dir = dir
	shell.Env = []string{"PATH=" + dir + ":" + bin + ":" + os.Getenv("PATH"), "PGHOST=" + host, "PGUSER=postgres", "PGDATABASE=postgres", "HOME=" + dir}
	out, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	for _, said := range []string{"the schema is up to date", "The settings are right."} {
		if !strings.Contains(string(out), said) {
			t.Errorf("it does not say %q:\n%s", said, out)
		}
	}
}
