package internal_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const securityDocument = "../docs/security.md"

// asvsLevels are the levels of the requirements of OWASP ASVS 5.0.0, by section, in order.
var asvsLevels = map[string]string{
	"1.1": "22", "1.2": "1111122223", "1.3": "112222222223", "1.4": "222", "1.5": "123",
	"2.1": "122", "2.2": "112", "2.3": "12223", "2.4": "23",
	"3.1": "3", "3.2": "113", "3.3": "12223", "3.4": "11222233", "3.5": "11122333", "3.6": "3", "3.7": "22333",
	"4.1": "12233", "4.2": "23333", "4.3": "22", "4.4": "1222",
	"5.1": "2", "5.2": "112333", "5.3": "113", "5.4": "222",
	"6.1": "122", "6.2": "111111112222", "6.3": "11223333", "6.4": "112233", "6.5": "22222333", "6.6": "2223", "6.7": "33", "6.8": "2222",
	"7.1": "222", "7.2": "1111", "7.3": "22", "7.4": "11222", "7.5": "223", "7.6": "22",
	"8.1": "1233", "8.2": "1123", "8.3": "133", "8.4": "23",
	"9.1": "111", "9.2": "1222",
	"10.1": "22", "10.2": "223", "10.3": "22223", "10.4": "1111122222233333", "10.5": "22222", "10.6": "22", "10.7": "222",
	"11.1": "2233", "11.2": "22233", "11.3": "11233", "11.4": "1222", "11.5": "23", "11.6": "23", "11.7": "33",
	"12.1": "12233", "12.2": "11", "12.3": "22223",
	"13.1": "2333", "13.2": "222223", "13.3": "2233", "13.4": "1222233",
	"14.1": "22", "14.2": "12223333", "14.3": "122",
	"15.1": "12233", "15.2": "12233", "15.3": "1222222", "15.4": "3333",
	"16.1": "2", "16.2": "22222", "16.3": "2222", "16.4": "222", "16.5": "2223",
}

// requirement is a row of the tables of docs/security.md.
type requirement struct {
	ids           []string
	level, answer string
}

func requirements(t *testing.T) []requirement {
	t.Helper()
	var rows []requirement
	for line := range strings.Lines(readDocument(t)) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if len(cells) != 4 || !regexp.MustCompile(`^\| \d+\.\d+\.\d+`).MatchString(line) {
			continue
		}
		ids := strings.Split(strings.TrimPrefix(cells[0], "| "), ", ")
		rows = append(rows, requirement{ids, cells[1], strings.TrimSuffix(cells[3], " |")})
	}
	return rows
}

func readDocument(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(securityDocument)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Every requirement of levels 1 and 2 has one row, and the row has its level.
func TestSecurityDocument_answersEveryRequirement(t *testing.T) {
	t.Parallel()
	missing := map[string]string{}
	for section, levels := range asvsLevels {
		for n, level := range levels {
			if level != '3' {
				missing[fmt.Sprintf("%s.%d", section, n+1)] = string(level)
			}
		}
	}

	seen := map[string]bool{}
	for _, row := range requirements(t) {
		for _, id := range row.ids {
			want, known := missing[id]
			switch {
			case seen[id]:
				t.Errorf("%s has two rows", id)
			case !known:
				t.Errorf("%s is no requirement of level 1 or 2", id)
			case want != row.level:
				t.Errorf("%s has level %s, want %s", id, row.level, want)
			}
			seen[id] = true
			delete(missing, id)
		}
	}
	for id, level := range missing {
		t.Errorf("%s (level %s) has no row", id, level)
	}
}

// An answer is one of three. What is met names its proof; what is not has a reason.
func TestSecurityDocument_leavesNothingUnmetWithoutADecision(t *testing.T) {
	t.Parallel()
	const shortestReason = 10
	proof := regexp.MustCompile("`(Test|test)[A-Z]\\w+`|`clients/\\S+`|\\]\\(\\S+\\)")

	for _, row := range requirements(t) {
		verdict, rest, _ := strings.Cut(strings.TrimPrefix(row.answer, "**"), "**")
		switch verdict {
		case "met":
			if !proof.MatchString(rest) {
				t.Errorf("%v is met by no test and no document: %s", row.ids, row.answer)
			}
		case "n/a", "decision":
			if len(rest) < shortestReason {
				t.Errorf("%v gives no reason: %s", row.ids, row.answer)
			}
		default:
			t.Errorf("%v (level %s) is neither met nor n/a nor a decision: %s", row.ids, row.level, row.answer)
		}
	}
}

// A test that is renamed or removed takes its proof along: the document must follow.
func TestSecurityDocument_namesTestsThatExist(t *testing.T) {
	t.Parallel()
	known := testNames(t)
	text := readDocument(t)

	for _, name := range regexp.MustCompile("`([Tt]est[A-Z]\\w+)`").FindAllStringSubmatch(text, -1) {
		if !known[name[1]] {
			t.Errorf("there is no test %s", name[1])
		}
	}
	for _, path := range regexp.MustCompile("`(clients/[^`\\s]+\\.ts)`").FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join("..", path[1])); err != nil {
			t.Errorf("there are no tests in %s", path[1])
		}
	}
}

// Links lead to files, and to headings of the same page.
func TestSecurityDocument_linksLeadSomewhere(t *testing.T) {
	t.Parallel()
	text := readDocument(t)
	var anchors []string
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(text, -1) {
		anchor := regexp.MustCompile(`[^\w -]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		anchors = append(anchors, "#"+strings.ReplaceAll(anchor, " ", "-"))
	}

	for _, link := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(text, -1) {
		target := link[1]
		if strings.HasPrefix(target, "https://") {
			continue
		}
		if strings.HasPrefix(target, "#") {
			if !slices.Contains(anchors, target) {
				t.Errorf("there is no heading for %s", target)
			}
			continue
		}
		file, _, _ := strings.Cut(target, "#")
		if _, err := os.Stat(filepath.Join("../docs", file)); err != nil {
			t.Errorf("the link %s leads nowhere", target)
		}
	}
}

// testNames are the tests of the Go packages and of the Swift client.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	declared := regexp.MustCompile(`(?m)^\s*func ([Tt]est[A-Z]\w+)\(`)
	names := map[string]bool{}
	for _, root := range []string{".", "../clients"} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == ".build"):
				return filepath.SkipDir
			case !strings.HasSuffix(path, "_test.go") && !strings.HasSuffix(path, "Tests.swift"):
				return nil
			}
			text, err := os.ReadFile(path)
			for _, name := range declared.FindAllStringSubmatch(string(text), -1) {
				names[name[1]] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return names
}
