package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// What the scenarios must hold between them: the pains that are played (docs/conformance.md says
// who holds the others), and each row of its table of other people's clients.
var (
	pains = []string{"P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9", "P10", "P11", "P13", "P14", "P15"}
	rows  = []string{
		"50 parallel calls", "answer lost", "offline", "429", "500 and 503", "HTML with 200", "{} with 200",
		"403 HTML", "write rejected", "clock +1 day", "clock -1 day", "signed in at +1 day", "sign-out in flight",
	}
)

func TestScenarios_holdEveryPainAndEveryRow(t *testing.T) {
	held := map[string]bool{}
	ids := map[string]bool{}
	for _, s := range scenarios {
		if ids[s.id] || !regexp.MustCompile(`^[a-z0-9_]+$`).MatchString(s.id) || s.says == "" || s.play == nil {
			t.Errorf("%q: twice, or not whole", s.id)
		}
		ids[s.id] = true
		for _, part := range strings.Split(s.holds, ", ") {
			held[part] = true
			for _, word := range strings.Fields(part) {
				held[word] = true
			}
		}
	}

	for _, want := range append(pains, rows...) {
		if !held[want] {
			t.Errorf("no scenario holds %s", want)
		}
	}
}

// The table in docs/conformance.md is what the kit printed: a scenario that is new must
// stand in it.
func TestScenarios_standInTheDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/conformance.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scenarios {
		if !strings.Contains(string(text), "| "+s.id+" |") {
			t.Errorf("docs/conformance.md does not know %s", s.id)
		}
	}
}

func TestRun_cellThatCannotBePlayedIsRed(t *testing.T) {
	dir := t.TempDir()
	play := func(script string) string {
		s := scenario{id: "x", play: func(w *world) { w.phone() }}
		return s.run(device{client: "other", command: []string{"sh", "-c", script}, server: "http://127.0.0.1:1", dir: dir}).problem
	}
	for want, script := range map[string]string{
		"unplayable": `read line; echo '{"id":1,"ok":false,"error":{"kind":"unsupported"}}'; cat >/dev/null`,
		"gone":       `exit 0`,
		"store":      `read line; echo '{"id":1,"ok":false,"error":{"kind":"store"}}'; cat >/dev/null`,
		"":           `read line; echo '{"id":1,"ok":true}'; cat >/dev/null`,
	} {
		if got := play(script); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %q", script, got)
		}
	}
}

func TestTable_isGreenOnlyWhenAllIs(t *testing.T) {
	ok, red := &cell{}, &cell{problem: "x"}
	for _, c := range []struct {
		rows []row
		want bool
	}{
		{nil, false},
		{[]row{{cells: map[string]*cell{"go": ok}}}, true},
		{[]row{{cells: map[string]*cell{"go": ok, "swift": red}}}, false},
	} {
		if got := (&table{rows: c.rows}).green(); got != c.want {
			t.Errorf("%v: %v", c.rows, got)
		}
	}
}
