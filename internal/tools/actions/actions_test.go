package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

func spec(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("testdata/spec.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestActions_tablesAreAsTheGoldenFiles(t *testing.T) {
	root := t.TempDir()
	if err := run("testdata/spec.yaml", root); err != nil {
		t.Fatal(err)
	}
	for _, o := range outputs {
		got, err := os.ReadFile(filepath.Join(root, o.path))
		if err != nil {
			t.Fatal(err)
		}
		golden := filepath.Join("testdata", filepath.Base(o.path)+".golden")
		if *update {
			if err := os.WriteFile(golden, got, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s differs from %s; look at it, then go test ./actions -update", o.path, golden)
		}
	}
}

func TestActions_refusesWhatAClientCouldNotFollow(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"an answer without an action":      {`"200": {x-client-action: proceed}`, `"200": {description: none}`, "getSession 200 has no x-client-action"},
		"a shared answer without one":      {"BadRequest: {x-client-action: show}\n", "BadRequest: {}\n", ""},
		"an unknown word":                  {"x-client-action: wait", "x-client-action: hope", `refreshToken 429: unknown action "hope"`},
		"an unknown word for a code":       {"session_ended: sign_out", "session_ended: panic", `refreshToken 400 session_ended: unknown action "panic"`},
		"an unknown default":               {"{default: show, rules", "{default: shout, rules", `unknown action "shout"`},
		"an unknown list of rules":         {"rules: unauthorized}", "rules: forbidden}", `follows the rules "forbidden"`},
		"a rule that asks for the unknown": {"when: bearer_sent", "when: moon_full", `asks for "moon_full"`},
		"a rule with an unknown word":      {"then: refresh", "then: reload", `x-client-rules.unauthorized: unknown action "reload"`},
		"an override of no answer":         {`x-client-action: {"401": proceed}`, `x-client-action: {"403": proceed}`, "endSession has an action for 403"},
		"a status that is none":            {`"429": {`, `"default": {`, "refreshToken default: a client needs a status"},
		"a word that no client knows":      {"  retry: Try", "  pray: Try\n  retry: Try", "x-client-actions has pray"},
		"a word without a meaning":         {"  show: Show the problem.\n", "", "does not say what show means"},
		"nothing for the undocumented":     {"  undocumented: retry\n", "", "x-client-rules.undocumented"},
		"an operation without a name":      {"operationId: deleteKey", "summary: no name", "delete /keys/{id} has no operationId"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(spec(t), c.old, c.new, 1)
			if text == spec(t) {
				t.Fatalf("the spec has no %q", c.old)
			}
			_, err := read([]byte(text))
			if c.want == "" { // the operation's own entry stands in for it
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestActions_writesNothingFromAWrongSpec(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "wrong.yaml")
	if err := os.WriteFile(path, []byte("paths: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(path, root); err == nil {
		t.Error("a spec without operations was taken")
	}
	if _, err := os.Stat(filepath.Join(root, "clients")); !os.IsNotExist(err) {
		t.Error("something was written")
	}
}
