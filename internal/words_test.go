package internal_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// phrase is a word that CONTRIBUTING.md does not use, and the one that it uses instead.
type phrase struct {
	pattern *regexp.Regexp
	say     string
}

// inText are the phrases that no comment, document or message contains.
var inText = []phrase{
	{regexp.MustCompile(`(?i)\bwho(m)?ever\b`), "name the user, client or caller"},
	{regexp.MustCompile(`(?i)\bsomebody\b`), "another user, a stranger, a client"},
	{regexp.MustCompile(`(?i)\bpersons?\b`), "user"},
	{regexp.MustCompile(`(?i)\b(account|address|token|key) holders?\b|\bits holder\b`), "user, owner"},
	{regexp.MustCompile(`(?i)\bvisitors?\b`), "user, client, pending sign-in"},
	{regexp.MustCompile(`(?i)\b(stands?|stood) in\b`), "is in, is stored in, is listed in"},
	{regexp.MustCompile(`(?i)\b(is|are|was|were|be|been|not|nobody|gets?) told\b`), "gets a message, learns, is notified"},
	{regexp.MustCompile(`(?i)\bmend(s|ed|ing)?\b`), "fix"},
	{regexp.MustCompile(`(?i)\bkeepers?\b`), "allowed imports"},
	{regexp.MustCompile(`(?i)\brooms?\b`), "package"},
	{regexp.MustCompile(`(?i)\b(lower|higher|ground|which|what|no|a|its) floors?\b`), "layer"},
	{regexp.MustCompile(`(?i)\bjudg(e|es|ed|ing|ements?|ments?)\b`), "check, verify, decide"},
	{regexp.MustCompile(`(?i)\bstruck\b`), "rejected"},
	{regexp.MustCompile(`(?i)\b(gives?|given|gave|giving) (it |them |one )?back\b`), "refund, return"},
	{regexp.MustCompile(`(?i)\bpretend(s|ed|ing)?\b`), "fake"},
	{regexp.MustCompile(`(?i)\bdoors?\b`), "completion of a sign-in; endpoint"},
	{regexp.MustCompile(`(?i)\bon the way in\b`), "pending"},
}

// inNames are the words that no identifier contains.
var inNames = []string{"door", "visitor", "keeper", "mend", "struck", "pretend", "person", "somebody", "whoever", "holder", "room"}

// otherNames are names of files and programs, which others or the history chose.
var otherNames = regexp.MustCompile("`[^`]*`|judge(_test)?[\\\\]*\\.go|\\bJudge\\b|floors-and-rooms")

// wordsToDo lists the places that are not done yet, with the number of phrases that they have at most.
const wordsToDo = "testdata/words.txt"

// A package, a document or the spec uses the words of CONTRIBUTING.md. Where a place is listed in testdata, it may
// have as many other words as there were.
func TestWords_areThoseOfTheGlossary(t *testing.T) {
	t.Parallel()
	found := map[string][]string{}
	for _, f := range textFiles(t) {
		isFixed := f.name == "CHANGELOG.md" || strings.HasPrefix(f.name, "internal/postgres/migrations/") // released as they are
		if isFixed || f.name == "internal/words_test.go" || f.name == "docs/requirements.md" {
			continue
		}
		place := f.name
		if path.Ext(f.name) == ".go" {
			place = path.Dir(f.name)
		}
		found[place] = append(found[place], wordFaults(t, f)...)
	}

	allowed := readRatchet(t, wordsToDo)
	for place, faults := range found {
		if len(faults) > allowed[place] && !*lower {
			t.Errorf("%s has %d banned words, %d are the most (%s):\n%s", place, len(faults), allowed[place], wordsToDo, strings.Join(faults, "\n"))
		}
	}
	if *lower {
		for place := range allowed {
			allowed[place] = min(allowed[place], len(found[place]))
			if allowed[place] == 0 {
				delete(allowed, place)
			}
		}
		writeRatchet(t, wordsToDo, allowed)
	}
}

// wordFaults are the banned words of a file.
func wordFaults(t *testing.T, f textFile) []string {
	t.Helper()
	var faults []string
	for i, line := range f.lines {
		text := line
		if path.Ext(f.name) == ".go" {
			text = proseOf(line)
		} else if !f.isComment(line) && !slices.Contains([]string{".yaml", ".yml", ".txt"}, path.Ext(f.name)) {
			continue
		}
		isGlossary := f.name == "CONTRIBUTING.md" && strings.HasPrefix(line, "| ")
		if isGlossary {
			continue
		}
		text = otherNames.ReplaceAllString(text, "")
		for _, p := range inText {
			if word := p.pattern.FindString(text); word != "" {
				faults = append(faults, fmt.Sprintf("  %s:%d: %q: say %s", f.name, i+1, word, p.say))
			}
		}
	}

	isTest := strings.HasSuffix(f.name, "_test.go")
	if path.Ext(f.name) == ".go" && !isTest {
		faults = append(faults, nameFaults(t, f)...)
	}

	return faults
}

var (
	goComment = regexp.MustCompile(`(^|\s)//.*`)
	goText    = regexp.MustCompile("\"(?:[^\"\\\\]|\\\\.)*\"|`[^`]*`")
)

// proseOf is what a line of Go says in words: its comment, and texts of several words.
func proseOf(line string) string {
	words := goComment.FindString(line)
	if strings.HasPrefix(strings.TrimSpace(line), "//") {
		return words
	}
	for _, text := range goText.FindAllString(line, -1) {
		if strings.Count(text, " ") > 1 {
			words += " " + strings.Trim(text, "\"`")
		}
	}

	return words
}

var wordInName = regexp.MustCompile(`[A-Z]?[a-z]+`)

// nameFaults are the identifiers that a file declares with banned words.
func nameFaults(t *testing.T, f textFile) []string {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, f.name, strings.Join(f.lines, "\n"), parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}

	var faults []string
	seen := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok || seen[id.Name] {
			return true
		}
		for _, word := range wordInName.FindAllString(id.Name, -1) {
			if slices.Contains(inNames, strings.TrimSuffix(strings.ToLower(word), "s")) {
				seen[id.Name] = true
				faults = append(faults, fmt.Sprintf("  %s: the name %s", set.Position(id.Pos()), id.Name))
			}
		}

		return true
	})

	return faults
}

func TestWords_eachPhraseIsFoundAndItsNeighbourIsNot(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"// Whoever asks gets it.":                        true,
		"// The caller gets it.":                          false,
		"x := f() // somebody else":                       true,
		`return errors.New("the person is told a lot")`:   true,
		`const k = "person"`:                              false,
		"// See `person` in the answer of another server": false,
		"// It is decided in session/judge.go.":           false,
		"// It judges the token.":                         true,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			faults := wordFaults(t, textFile{"x_test.go", []string{text}})
			if got := len(faults) > 0; got != want {
				t.Errorf("found %v, want %v: %v", got, want, faults)
			}
		})
	}
}
