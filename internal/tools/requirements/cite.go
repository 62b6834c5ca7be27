package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// group is a section of the page.
type group struct {
	Title        string                 `yaml:"title"`
	Requirements map[string]requirement `yaml:"requirements"`
}

// requirement is what an id stands for.
type requirement struct {
	Says   string   `yaml:"says"`
	Source string   `yaml:"source"`
	Tests  []string `yaml:"tests"` // tests that do not name the id
}

func parseGroups(text []byte) ([]group, error) {
	var groups []group
	decoder := yaml.NewDecoder(strings.NewReader(string(text)))
	decoder.KnownFields(true)
	if err := decoder.Decode(&groups); err != nil {
		return nil, fmt.Errorf("requirements.yaml: %w", err)
	}

	return groups, nil
}

// citations are what the code says about ids.
type citations struct {
	tests  map[string]string          // the file of each test function
	places map[string][]string        // where an id is named
	heldBy map[string]map[string]bool // the tests of an id
}

var (
	idInText = regexp.MustCompile(`\b(?:SEC-\d+|T-[A-Z]{3,5}(?:-\d+)?)\b`)
	idRange  = regexp.MustCompile(`\b((?:SEC|T-[A-Z]{3,5})-)(\d+) to (?:SEC|T-[A-Z]{3,5})-(\d+)\b`)
	// A test function, and what precedes the underscore in its name: TestSEC43andTCOD02_aCode… .
	testFunction = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
	idsInName    = regexp.MustCompile(`^Test((?:SEC\d+|T[A-Z]{3,5}(?:\d+)?)(?:and(?:SEC\d+|T[A-Z]{3,5}(?:\d+)?|\d+))*)(?:_|$)`)
	onePart      = regexp.MustCompile(`^(SEC|T[A-Z]{3,5})?(\d*)$`)
	// An id of another spelling.
	misspelt = regexp.MustCompile(`\bSEC_?\d+\b`)
)

// cite reads which ids the sources name, and which tests hold them.
func cite(sources []source, groups []group) citations {
	c := citations{tests: map[string]string{}, places: map[string][]string{}, heldBy: map[string]map[string]bool{}}
	for _, s := range sources {
		isTest := strings.HasSuffix(s.path, "_test.go")
		if isTest {
			c.citeTests(s, groups)
		}
		c.citeLines(s, isTest)
	}

	return c
}

// citeTests notes the test functions of a file and the ids in their names.
func (c *citations) citeTests(s source, groups []group) {
	for _, m := range testFunction.FindAllStringSubmatch(s.text, -1) {
		name := m[1]
		c.tests[name] = s.path
		for _, id := range idsOf(name, groups) {
			c.note(id, s.path+": "+name, name)
		}
	}
}

// citeLines notes the ids in the text of a file. In a test file they count for the test that the comment is above
// of, or inside of.
func (c *citations) citeLines(s source, isTest bool) {
	lines := strings.Split(s.text, "\n")
	for i, line := range lines {
		ids := idsInLine(line)
		for _, id := range ids {
			place, test := fmt.Sprintf("%s:%d", s.path, i+1), ""
			if isTest {
				test = testAround(lines, i)
			}
			c.note(id, place, test)
		}
		if misspelt.MatchString(line) && len(ids) == 0 {
			c.note("\""+misspelt.FindString(line)+"\"", fmt.Sprintf("%s:%d", s.path, i+1), "")
		}
	}
}

// idsInLine are the ids that a line names, and those between the two of a range.
func idsInLine(line string) []string {
	ids := idInText.FindAllString(line, -1)
	for _, m := range idRange.FindAllStringSubmatch(line, -1) {
		first, _ := strconv.Atoi(m[2])
		last, _ := strconv.Atoi(m[3])
		for n := first + 1; n < last; n++ {
			ids = append(ids, fmt.Sprintf("%s%02d", m[1], n))
		}
	}

	return ids
}

// testAround is the test function whose comment or body contains the line; empty if there is none.
func testAround(lines []string, at int) string {
	if strings.HasPrefix(lines[at], "//") { // a comment at the left margin belongs to what follows
		for at < len(lines) && strings.HasPrefix(lines[at], "//") {
			at++
		}
	}

	for ; at >= 0 && at < len(lines); at-- {
		if m := testFunction.FindStringSubmatch(lines[at]); m != nil {
			return m[1]
		}
		if lines[at] == "}" { // the end of the declaration before
			return ""
		}
	}

	return ""
}

func (c *citations) note(id, place, test string) {
	c.places[id] = append(c.places[id], place)
	if test == "" {
		return
	}
	if c.heldBy[id] == nil {
		c.heldBy[id] = map[string]bool{}
	}
	c.heldBy[id][test] = true
}

// idsOf are the ids in the name of a test: TestSEC43andTCOD02_x has SEC-43 and T-COD-02. A word such as TOTP is an
// id only if a requirement has it.
func idsOf(name string, groups []group) []string {
	m := idsInName.FindStringSubmatch(name)
	if m == nil {
		return nil
	}

	var ids []string
	family := ""
	for part := range strings.SplitSeq(m[1], "and") {
		p := onePart.FindStringSubmatch(part)
		if p == nil {
			continue
		}
		if p[1] != "" {
			family = p[1]
		}
		id := "SEC"
		if family != "SEC" {
			id = "T-" + family[1:]
		}
		if p[2] != "" {
			id += "-" + p[2]
		} else if !isKnown(id, groups) {
			continue
		}
		ids = append(ids, id)
	}

	return ids
}

func isKnown(id string, groups []group) bool {
	return slices.ContainsFunc(groups, func(g group) bool {
		_, known := g.Requirements[id]
		return known
	})
}

// faultsOf are the ids that nobody explains, and the entries that nothing cites or holds.
func faultsOf(groups []group, c citations) []string {
	var faults []string
	for _, id := range slices.Sorted(maps.Keys(c.places)) {
		if !isKnown(id, groups) {
			faults = append(faults, fmt.Sprintf("%s: %s has no entry in requirements.yaml", c.places[id][0], id))
		}
	}

	for _, g := range groups {
		for _, id := range slices.Sorted(maps.Keys(g.Requirements)) {
			faults = append(faults, faultsOfEntry(id, g.Requirements[id], c)...)
		}
	}

	return faults
}

func faultsOfEntry(id string, r requirement, c citations) []string {
	var faults []string
	if r.Says == "" || r.Source == "" {
		faults = append(faults, fmt.Sprintf("requirements.yaml: %s needs a sentence and a source", id))
	}
	if len(c.places[id]) == 0 {
		faults = append(faults, fmt.Sprintf("requirements.yaml: nothing cites %s: remove it", id))
	}
	if len(c.heldBy[id])+len(r.Tests) == 0 {
		faults = append(faults, fmt.Sprintf("requirements.yaml: no test holds %s", id))
	}
	for _, test := range r.Tests {
		if c.tests[test] == "" {
			faults = append(faults, fmt.Sprintf("requirements.yaml: %s names %s, which does not exist", id, test))
		}
	}

	return faults
}
