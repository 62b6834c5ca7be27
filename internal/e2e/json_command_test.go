package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/testdb"
)

// members are the names of the members of each line that a command prints.
func (r result) members(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, line := range lines(t, r.out) {
		for name := range line {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)

	return names
}

// Programs, and pages of the documents, have their own forms; every other command prints JSON where it is
// asked to.
func TestJSON_isThereForEveryCommand(t *testing.T) {
	t.Parallel()
	for command := range summaries(t) {
		help := launch{args: append(strings.Fields(command), "--help")}.run(t).wants(0).out
		hasIt, wantsIt := strings.Contains(help, "--json"), !slices.Contains([]string{"serve", "flows"}, command)
		if hasIt != wantsIt {
			t.Errorf("%s has --json: %v, want %v", command, hasIt, wantsIt)
		}
	}
}

func TestJSON_hasTheDocumentedMembers(t *testing.T) {
	t.Parallel()
	database := testdb.Empty(t)
	file := filepath.Join(t.TempDir(), "key.pem")
	run := func(args string, want ...string) []map[string]any {
		t.Helper()
		r := launch{args: strings.Fields(args), env: []string{
			"DATABASE_URL=" + database, "HEADLESS_JWT_PRIVATE_KEY_FILE=" + file, "LATCHKEY_SEALING_KEYS=" + sealingKey("k1", 1), "LATCHKEY_IDLE_TIMEOUT=80",
		}}.run(t).wants(0)
		if got := r.members(t); !slices.Equal(got, want) {
			t.Errorf("%s has the members %v, want %v", args, got, want)
		}

		return lines(t, r.out)
	}

	made := run("keys generate --json", "kid", "private_key")[0]
	if err := os.WriteFile(file, []byte(made["private_key"].(string)), 0o600); err != nil {
		t.Fatal(err)
	}
	if k := run("keys list --json "+file, "kid", "since", "state")[0]; k["kid"] != made["kid"] || k["state"] != "signing" || k["since"] != nil {
		t.Errorf("keys list: %v", k)
	}
	if step := run("keys rotate --json "+file, "kid", "sessions_that_may_end", "step")[0]; step["step"] != "added" {
		t.Errorf("keys rotate: %v", step)
	}

	if m := run("migrate status --json", "applied_at", "name")[0]; m["applied_at"] != nil {
		t.Errorf("migrate status before: %v", m)
	}
	if m := run("migrate up --json", "addresses_kept", "applied")[0]; m["applied"].(float64) < 30 {
		t.Errorf("migrate up: %v", m)
	}
	if m := run("migrate status --json", "applied_at", "name")[0]; m["applied_at"] == nil {
		t.Errorf("migrate status after: %v", m)
	}
	if step := run("keys rotate --force --json "+file, "kid", "sessions_that_may_end", "step")[0]; step["step"] != "signs" {
		t.Errorf("keys rotate: %v", step)
	}
	if step := run("keys rotate --force --json "+file, "kid", "sessions_that_may_end", "step")[0]; step["step"] != "dropped" || step["sessions_that_may_end"] != 0.0 {
		t.Errorf("keys rotate: %v", step)
	}
	if kinds := run("keys reseal --json", "kind", "moved", "unreadable"); len(kinds) != 3 {
		t.Errorf("keys reseal: %v", kinds)
	}
	if c := run("config --check --json", "can_start", "found", "problems")[0]; c["can_start"] != true {
		t.Errorf("config --check: %v", c)
	}
	if v := run("version --json", "go", "revision", "version")[0]; v["version"] == "" {
		t.Errorf("version: %v", v)
	}

	settings := map[any]map[string]any{}
	for _, s := range run("config --json", "is_changed", "is_secret", "name", "section", "value") {
		settings[s["name"]] = s
	}
	if s := settings["LATCHKEY_IDLE_TIMEOUT"]; s["value"] != 80.0 || s["is_changed"] != true || s["section"] != "Listener" {
		t.Errorf("a number: %v", s)
	}
	if s := settings["LATCHKEY_SEALING_KEYS"]; s["value"] != "********" || s["is_secret"] != true {
		t.Errorf("a secret: %v", s)
	}
	if s := settings["LATCHKEY_TRUSTED_PROXIES"]; len(s["value"].([]any)) != 0 {
		t.Errorf("a list: %v", s)
	}
}

// A script reads from one line why a start would fail.
func TestJSON_theCheckListsItsProblems(t *testing.T) {
	t.Parallel()
	l := served(t, testdb.New(t), "LATCHKEY_IDLE_TIMEOUT=soon", "LATCHKEY_ADDR=nonsense")
	l.args = []string{"config", "--check", "--json"}
	var found struct {
		CanStart bool `json:"can_start"`
		Problems []string
	}
	if err := json.Unmarshal([]byte(l.run(t).wants(2).out), &found); err != nil {
		t.Fatal(err)
	}
	if found.CanStart || len(found.Problems) != 2 || !strings.HasPrefix(found.Problems[0], "LATCHKEY_") {
		t.Errorf("%+v", found)
	}

	l = served(t, "host=127.0.0.1 port=1 user=u dbname=d sslmode=disable")
	l.args = []string{"config", "--check", "--json"}
	if r := l.run(t).wants(1); !strings.Contains(r.out, `"can_start":false`) {
		t.Error(r.out)
	}
}
