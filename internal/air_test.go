package internal_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
)

// air is how a package can be read: what the bodies of its functions consist of.
type air struct {
	lines, blank, comments int // in the bodies of functions
	long                   int // lines with more than 120 characters, in all of its files
}

func (a air) add(b air) air {
	return air{a.lines + b.lines, a.blank + b.blank, a.comments + b.comments, a.long + b.long}
}

// perMille is a share in thousandths.
func perMille(part, whole int) int {
	if whole == 0 {
		return 0
	}

	return part * 1000 / whole
}

// What a new package needs, and what all of them shall have: 7 % blank lines and 4 % comment lines in bodies, and no
// line of more than 120 characters.
const (
	wantBlank    = 70
	wantComments = 40
	longestLine  = 120
)

// The figures of the packages that have less today. They only become better.
const (
	blankList    = "testdata/air_blank.txt"
	commentsList = "testdata/air_comments.txt"
	longList     = "testdata/long_lines.txt"
)

// fewLines is the size of a package whose share of blank lines says nothing.
const fewLines = 60

// slack is by how much a figure may be worse than the list, in thousandths: one dense function in a package.
const slack = 3

func TestAir_codeIsReadInParagraphs(t *testing.T) {
	t.Parallel()
	packages := airOf(t, false)
	var all air
	for _, a := range packages {
		all = all.add(a)
	}
	t.Logf("function bodies have %d lines: %.1f %% blank, %.1f %% comments; %d lines of %d packages are longer than %d characters",
		all.lines, float64(perMille(all.blank, all.lines))/10, float64(perMille(all.comments, all.lines))/10, all.long, len(packages), longestLine)

	blank := map[string]int{"all": perMille(all.blank, all.lines)}
	comments := map[string]int{"all": perMille(all.comments, all.lines)}
	for name, a := range packages {
		if a.lines >= fewLines {
			blank[name] = perMille(a.blank, a.lines)
			comments[name] = perMille(a.comments, a.lines)
		}
	}
	holdShare(t, blankList, blank, wantBlank, "blank lines")
	holdShare(t, commentsList, comments, wantComments, "comment lines")
}

// holdShare fails where a package has a smaller share than its list says that it had. A package that is not listed
// has the wanted share of blank lines; how many comments it needs depends on what it does.
func holdShare(t *testing.T, list string, shares map[string]int, want int, what string) {
	t.Helper()
	had := readRatchet(t, list)
	for _, name := range slices.Sorted(maps.Keys(shares)) {
		before, listed := had[name]
		least := min(want, before-slack)
		if !listed && list == blankList {
			least = want
		}
		if shares[name] < least && !*lower {
			t.Errorf("%s: %.1f %% of its function bodies are %s, %.1f %% are the least (%s)", name, float64(shares[name])/10, what, float64(least)/10, list)
		}
	}

	if *lower {
		for name, before := range had {
			share, exists := shares[name]
			if !exists || share >= want {
				delete(had, name)
			} else {
				had[name] = max(before, share)
			}
		}
		writeRatchet(t, list, had)
	}
}

func TestAir_linesAreNotLong(t *testing.T) {
	t.Parallel()
	packages := airOf(t, true)
	allowed := readRatchet(t, longList)
	for _, name := range slices.Sorted(maps.Keys(packages)) {
		if n := packages[name].long; n > allowed[name] && !*lower {
			t.Errorf("%s has %d lines of more than %d characters, %d are the most (%s)", name, n, longestLine, allowed[name], longList)
		}
	}

	if *lower {
		for name, before := range allowed {
			allowed[name] = min(before, packages[name].long)
			if allowed[name] == 0 {
				delete(allowed, name)
			}
		}
		writeRatchet(t, longList, allowed)
	}
}

// airOf counts the hand-written Go of each package.
func airOf(t *testing.T, withTests bool) map[string]air {
	t.Helper()
	packages := map[string]air{}
	for _, f := range textFiles(t) {
		isTest := strings.HasSuffix(f.name, "_test.go")
		if path.Ext(f.name) != ".go" || isTest && !withTests {
			continue
		}
		a, err := countAir(f)
		if err != nil {
			t.Fatal(err)
		}
		packages[path.Dir(f.name)] = packages[path.Dir(f.name)].add(a)
	}

	return packages
}

// countAir counts the lines of one file.
func countAir(f textFile) (air, error) {
	var a air
	for _, line := range f.lines {
		if len([]rune(line)) > longestLine {
			a.long++
		}
	}

	set := token.NewFileSet()
	file, err := parser.ParseFile(set, f.name, strings.Join(f.lines, "\n"), parser.SkipObjectResolution)
	if err != nil {
		return air{}, fmt.Errorf("parse %s: %w", f.name, err)
	}
	for _, d := range file.Decls {
		function, ok := d.(*ast.FuncDecl)
		if !ok || function.Body == nil {
			continue
		}
		first, last := set.Position(function.Body.Lbrace).Line, set.Position(function.Body.Rbrace).Line
		for n := first; n < last-1; n++ { // the lines between the braces
			a.lines++
			switch line := strings.TrimSpace(f.lines[n]); {
			case line == "":
				a.blank++
			case strings.HasPrefix(line, "//"):
				a.comments++
			}
		}
	}

	return a, nil
}

func TestAir_countsBlankLinesAndCommentsOfBodies(t *testing.T) {
	t.Parallel()
	text := "package x\n\n// f is a function.\nfunc f() {\n\tg()\n\n\t// Then h.\n\th()\n}\n\nvar s = \"" + strings.Repeat("x", 120) + "\"\n"
	got, err := countAir(textFile{"x.go", strings.Split(text, "\n")})
	if want := (air{lines: 4, blank: 1, comments: 1, long: 1}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}
