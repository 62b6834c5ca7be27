package internal_test

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// textFile is a file of the repository that people write and read.
type textFile struct {
	name  string
	lines []string
}

// isComment reports whether a line is a comment, or prose of a document.
func (f textFile) isComment(line string) bool {
	trimmed := strings.TrimSpace(line)
	switch path.Ext(f.name) {
	case ".md":
		return true
	case ".sql":
		return strings.HasPrefix(trimmed, "--")
	case ".go", ".swift", ".ts", ".tsx":
		return strings.HasPrefix(trimmed, "//") || strings.HasPrefix(trimmed, "*") || strings.HasPrefix(trimmed, "/*")
	default:
		return strings.HasPrefix(trimmed, "#")
	}
}

var (
	textKinds   = []string{".go", ".sql", ".ts", ".tsx", ".swift", ".yaml", ".yml", ".md", ".sh", ".tmpl", ".txt", ".toml", ".js", ".mjs", ".py", ".java"}
	writtenByUs = regexp.MustCompile(`(^|/)(testdata|node_modules|generated|generated-actions|LatchkeyAPI|consumers)/|\.gen\.|lock\.|requirements\.txt$|\.sum$`)
)

// textFiles are the tracked text files that are written by hand, and new ones that are not tracked yet.
func textFiles(t *testing.T) []textFile {
	t.Helper()
	out, err := exec.Command("git", "-C", "..", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Fatal(err)
	}

	var files []textFile
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		isText := slices.Contains(textKinds, path.Ext(name)) || path.Base(name) == "Makefile" || path.Base(name) == "Dockerfile"
		if !isText || writtenByUs.MatchString(name) {
			continue
		}
		text, err := os.ReadFile(filepath.Join("..", name))
		if os.IsNotExist(err) { // deleted, and not committed yet
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, textFile{name, strings.Split(string(text), "\n")})
	}

	return files
}

// goTests are the test functions of the repository.
func goTests(files []textFile) map[string]bool {
	names := map[string]bool{}
	declaration := regexp.MustCompile(`^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
	for _, f := range files {
		if !strings.HasSuffix(f.name, "_test.go") {
			continue
		}
		for _, line := range f.lines {
			if m := declaration.FindStringSubmatch(line); m != nil {
				names[m[1]] = true
			}
		}
	}

	return names
}

// markedWithoutTest are the files whose marks name no test yet, with their number. The list may only become shorter.
var markedWithoutTest = map[string]int{
	"clients/go/latchkey/address.go": 1, "clients/go/latchkey/adopt.go": 1, "clients/go/latchkey/begin.go": 2, "clients/go/latchkey/refresh.go": 1,
	"clients/go/latchkey/secret.go": 1, "clients/go/latchkey/session.go": 2, "clients/go/latchkey/signout.go": 2, "clients/go/latchkey/step.go": 2,
	"clients/go/latchkey/store.go": 1, "clients/go/latchkey/transport.go": 2, "clients/go/verify/gate.go": 1, "clients/go/verify/verify.go": 1,
	"clients/swift/Sources/Latchkey/SessionCalls.swift": 1, "clients/swift/Sources/Latchkey/SessionKeep.swift": 1, "clients/typescript/src/slots.ts": 2,
	"internal/moving/mover/mover.go": 3, "internal/webhook/webhook.go": 1, "queries/password_hook.sql": 1,
}

var (
	mark     = regexp.MustCompile(`(?:^|\s)(?://|--|\*)\s(?:.*\s)?(Security|Race|Timing): ?`)
	testName = regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z]\w*`)
)

// A mark says that a line must not be cleaned up. The comment names the test that would fail.
func TestReferences_marksNameATestThatExists(t *testing.T) {
	t.Parallel()
	files := textFiles(t)
	tests := goTests(files)
	for _, f := range files {
		isCode := slices.Contains([]string{".go", ".sql", ".ts", ".tsx", ".swift"}, path.Ext(f.name))
		if !isCode || strings.HasSuffix(f.name, "_test.go") { // a comment above a test is about that test
			continue
		}

		faults := faultsOfMarks(f, tests)
		if allowed := markedWithoutTest[f.name]; len(faults) > allowed {
			t.Errorf("%s has %d marks without a test, and markedWithoutTest allows %d:\n%s", f.name, len(faults), allowed, strings.Join(faults, "\n"))
		}
	}
}

// faultsOfMarks are the marks of a file whose comment names no test, or one that does not exist.
func faultsOfMarks(f textFile, tests map[string]bool) []string {
	var faults []string
	for i := 0; i < len(f.lines); i++ {
		m := mark.FindStringSubmatch(f.lines[i])
		if m == nil {
			continue
		}

		first, last := i, i
		for first > 0 && f.isComment(f.lines[first]) && f.isComment(f.lines[first-1]) {
			first--
		}
		for last+1 < len(f.lines) && f.isComment(f.lines[last+1]) {
			last++
		}
		named := testName.FindAllString(strings.Join(f.lines[first:last+1], "\n"), -1)
		if len(named) == 0 {
			faults = append(faults, fmt.Sprintf("  line %d: name the test that holds this, or leave %q out", i+1, m[1]+":"))
		}
		for _, name := range named {
			if !tests[name] {
				faults = append(faults, fmt.Sprintf("  line %d: %s does not exist", i+1, name))
			}
		}
		i = last
	}

	return faults
}

// The comments and documents say what they mean themselves, or name a public standard, or a file of the repository.
func TestReferences_noLineRefersToAPaperOutsideTheRepository(t *testing.T) {
	t.Parallel()
	files := textFiles(t)
	scenarios := scenarioIDs(t)
	names := map[string]bool{}
	for _, f := range files {
		names[path.Base(f.name)] = true
	}

	for _, f := range files {
		for i, line := range f.lines {
			for _, fault := range strayReferences(f, i, names, scenarios) {
				t.Errorf("%s:%d: %s: %s", f.name, i+1, fault, strings.TrimSpace(line))
			}
		}
	}
}

// scenarioIDs are the scenarios of docs/conformance.md, P1 and so on, which comments may name.
func scenarioIDs(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile("../docs/conformance.md")
	if err != nil {
		t.Fatal(err)
	}

	ids := map[string]bool{}
	for _, id := range regexp.MustCompile(`(?m)^\| (P\d+)\b`).FindAllStringSubmatch(string(text), -1) {
		ids[id[1]] = true
	}
	if len(ids) < 10 {
		t.Fatalf("docs/conformance.md lists %d scenarios", len(ids))
	}

	return ids
}

// stray are references that no reader of the repository can follow.
var stray = []struct {
	pattern *regexp.Regexp
	fault   string
}{
	{regexp.MustCompile(`(?i)\bcontract,? (§ ?|section )?\d+\.\d+`), "say what is meant, not where a paper says it"},
	{regexp.MustCompile(`(?i)\bissues? (#?\d+\b|[A-Z]\b[^'a-z])`), "an issue is no source; write the reason"},
	{regexp.MustCompile(`\bshared/[a-z-]+\.(md|json)\b`), "a path outside the repository"},
	{regexp.MustCompile(`(?i)\b(design|review|planning|other) papers?\b|\bthe (brief|card|paper|review|plan)('s| says| asks| wants| demands)\b`), "a paper that is not in the repository"},
	{regexp.MustCompile(`(?i)\b(pain|rule|gap|finding|requirement|annex) (no\. ?)?[A-Z]?-?\d+\b`), "a number that nothing explains"},
}

var (
	document  = regexp.MustCompile(`[\w.-]+\.md\b`)
	shortID   = regexp.MustCompile(`(^|[\s(,;])([A-Z]\d{1,2})([\s),;:.]|$)`)
	chapter   = regexp.MustCompile(`\b(sections?|§) ?\d`)
	standard  = regexp.MustCompile(`\b(RFC|WebAuthn|OpenID|NIST|Unicode|FIPS|ASVS|SEC 1|ISO|OpenAPI|PKCS)\b`)
	outsideMD = []string{"SKILL.md", "description.md", "moving-in.md"} // names of others; the last one is being written
)

// strayReferences are the faults of one line.
func strayReferences(f textFile, at int, names, scenarios map[string]bool) []string {
	line := f.lines[at]
	if f.name == "internal/references_test.go" || !f.isComment(line) {
		return nil
	}

	var faults []string
	for _, s := range stray {
		if s.pattern.MatchString(line) {
			faults = append(faults, s.fault)
		}
	}

	for _, name := range document.FindAllString(line, -1) {
		if !names[name] && !slices.Contains(outsideMD, name) {
			faults = append(faults, name+" is not in the repository")
		}
	}

	for _, m := range shortID.FindAllStringSubmatch(line, -1) {
		isChapter := f.name == "docs/security.md" && m[2][0] == 'V' // of ASVS
		isSymbol := m[2] == "H0"                                    // a symbol of RFC 9106
		if !scenarios[m[2]] && !isChapter && !isSymbol && path.Ext(f.name) != ".svg" {
			faults = append(faults, m[2]+" is explained nowhere")
		}
	}

	around := strings.Join(f.lines[max(0, at-6):min(len(f.lines), at+2)], " ")
	if chapter.MatchString(line) && !standard.MatchString(around) {
		faults = append(faults, "a section of no standard")
	}

	return faults
}

// docs/requirements.md explains each id that a test or a comment names.
func TestReferences_everyRequirementIsExplainedAndTested(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "run", "-C", "tools", "./requirements", "-root", "../..", "-check").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
