package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The drill proves the documented configurations only as long as it finds in them what it replaces.
func TestDocuments_haveWhatTheDrillReplaces(t *testing.T) {
	dir := t.TempDir()
	d := &drill{dir: dir, uid: os.Getuid(), gid: os.Getgid(), root: "../../.."}
	if err := d.findPorts(); err != nil {
		t.Fatal(err)
	}

	if err := d.adaptAll(); err != nil {
		t.Fatal(err)
	}

	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 5 {
		t.Errorf("the drill wrote %v, want one of etcd, two of Patroni and two of HAProxy", files)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if setting, _, _ := strings.Cut(line, "#"); strings.Contains(setting, "10.0.0.") {
				t.Errorf("%s still has a machine of the operator's: %s", filepath.Base(path), line)
			}
		}
	}
}

// What docs/operate.md quotes is the table that the drill prints, with a row for each scenario.
func TestDocuments_quoteEachScenario(t *testing.T) {
	page, err := os.ReadFile("../../../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}

	if !strings.Contains(string(page), header) {
		t.Errorf("docs/operate.md does not quote the head of the table:\n%s", header)
	}
	for _, s := range scenarios {
		if !strings.Contains(string(page), "\n"+s.name+" ") {
			t.Errorf("docs/operate.md does not quote %s", s.name)
		}
	}
}

func TestResult_misses(t *testing.T) {
	seamless := scenario{seamless: true}

	for name, row := range map[string]struct {
		result result
		missed int
	}{
		"nothing failed":                      {result{}, 0},
		"a failed request in a fail-over":     {result{failed: 3, outage: 3 * time.Second}, 0},
		"a failed request in a restart":       {result{failed: 1, scenario: seamless}, 1},
		"an answer 500 in a restart":          {result{others: []string{"POST /: 500"}, scenario: seamless}, 1},
		"a client that was signed out":        {result{signOuts: []string{"ada: reuse_detected"}}, 1},
		"an outage that is too long":          {result{failed: 9, outage: 31 * time.Second}, 1},
		"clients that come back late":         {result{failedOver: true, hastyBack: 6 * time.Second}, 1},
		"patient clients that come back late": {result{failedOver: true, patiently: time.Minute}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if missed := row.result.misses(); len(missed) != row.missed {
				t.Errorf("it misses %q, want %d", missed, row.missed)
			}
		})
	}
}

// Until there is a new primary, an answer of the one before is no return.
func TestTally_aClientIsBackOnceItWasAnsweredAfterTheNewPrimary(t *testing.T) {
	counted := &tally{phones: 1}
	p := &phone{}
	counted.begin()

	counted.answered(p, exchange{began: time.Now(), status: 200})
	counted.newPrimary()
	if counted.everybodyBack() {
		t.Error("back without an answer of the new primary")
	}

	counted.answered(p, exchange{began: time.Now().Add(-time.Minute), status: 200})
	if counted.everybodyBack() {
		t.Error("back by an answer to a request from before the new primary")
	}

	counted.answered(p, exchange{began: time.Now(), status: 200})
	if !counted.everybodyBack() {
		t.Error("not back after an answer of the new primary")
	}

	counted.answered(p, exchange{began: time.Now(), status: 503})
	if counted.everybodyBack() {
		t.Error("back although the last request failed")
	}
}
