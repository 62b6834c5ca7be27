package internal_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const differencesDocument = "../docs/differences.md"

// differenceSections are the sections of docs/differences.md, by what an app notices.
var differenceSections = []string{
	"Signing in and up", "Proof of identity", "Sessions and tokens", "Errors and statuses", "Addresses, numbers, passwords",
	"Factors and passkeys", "Providers", "Limits", "Settings", "Mail and texts", "Operations only here",
}

// difference is a row of docs/differences.md.
type difference struct {
	section string
	cells   []string
}

// The columns of a difference.
const (
	whatColumn = iota
	allauthColumn
	latchkeyColumn
	whyColumn
	appColumn
	testColumn
	differenceColumns
)

func differences(t *testing.T) []difference {
	t.Helper()
	text, err := os.ReadFile(differencesDocument)
	if err != nil {
		t.Fatal(err)
	}

	var rows []difference
	section := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "## "); ok {
			section = name
		}
		isHead := strings.HasPrefix(line, "| what |") || strings.HasPrefix(line, "| ---")
		if !strings.HasPrefix(line, "| ") || isHead {
			continue
		}
		cells := strings.Split(strings.TrimSuffix(strings.TrimPrefix(line, "| "), " |"), " | ")
		rows = append(rows, difference{section, cells})
	}
	return rows
}

// Each row is in a section, is whole, and says what an app does about it.
func TestDifferencesDocument_eachRowSaysWhatAnAppDoes(t *testing.T) {
	t.Parallel()
	rows := differences(t)
	var sections []string
	seen := map[string]bool{}
	for _, row := range rows {
		if !slices.Contains(sections, row.section) {
			sections = append(sections, row.section)
		}
		what := row.cells[whatColumn]
		if len(row.cells) != differenceColumns {
			t.Errorf("%q has %d cells, want what, allauth, Latchkey, why, what an app does, test", what, len(row.cells))
			continue
		}
		if slices.Contains(row.cells, "") {
			t.Errorf("%q has an empty cell", what)
		}
		if !strings.HasPrefix(row.cells[appColumn], "The app ") {
			t.Errorf("%q does not say what an app does: %q", what, row.cells[appColumn])
		}
		if seen[what] {
			t.Errorf("%q has two rows", what)
		}
		seen[what] = true
	}
	if !slices.Equal(sections, differenceSections) {
		t.Errorf("the sections are %q, want %q", sections, differenceSections)
	}
}

// Each row names tests that exist; a subtest is a text in its test.
func TestDifferencesDocument_eachRowNamesTestsThatExist(t *testing.T) {
	t.Parallel()
	tests := testBodies(t)
	name := regexp.MustCompile("^`(Test\\w+)(?:/([^`]+))?`$")
	for _, row := range differences(t) {
		list := strings.Split(row.cells[len(row.cells)-1], ", `")
		for n, cell := range list {
			if n > 0 {
				cell = "`" + cell
			}
			found := name.FindStringSubmatch(cell)
			if found == nil {
				t.Errorf("%q names no test: %q", row.cells[whatColumn], cell)
				continue
			}
			body, exists := tests[found[1]]
			if !exists {
				t.Errorf("%q names %s, which does not exist", row.cells[whatColumn], found[1])
			}
			if found[2] != "" && !strings.Contains(body, `"`+found[2]+`"`) {
				t.Errorf("%q names %s, which has no subtest %q", row.cells[whatColumn], found[1], found[2])
			}
		}
	}
}

// testBodies are the sources of all tests, by name.
func testBodies(t *testing.T) map[string]string {
	t.Helper()
	bodies := map[string]string{}
	start := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, at := range start.FindAllSubmatchIndex(text, -1) {
			body, _, _ := strings.Cut(string(text[at[0]:]), "\n}\n")
			bodies[string(text[at[2]:at[3]])] = body
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return bodies
}
