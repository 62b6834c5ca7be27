package internal_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A page that the index does not name is found by nobody.
func TestDocuments_theIndexNamesEveryPage(t *testing.T) {
	t.Parallel()
	index, err := os.ReadFile("../docs/README.md")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}

	for _, page := range pages {
		name := filepath.Base(page)
		if name != "README.md" && !strings.Contains(string(index), "("+name+")") {
			t.Errorf("docs/README.md does not name %s", name)
		}
	}
}

// A link to a file of the repository leads to a file.
func TestDocuments_linksLeadToFiles(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("../docs/decisions/*.md")
	if err != nil {
		t.Fatal(err)
	}
	pages = append(append(pages, more...), "../README.md", "../CONTRIBUTING.md", "../CHANGELOG.md", "../SECURITY.md",
		"../clients/typescript/README.md", "../clients/swift/README.md", "../clients/go/README.md")

	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}

		for _, link := range markdownLinks(string(text)) {
			path, _, _ := strings.Cut(link, "#")
			if path == "" || strings.Contains(path, ":") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), path)); err != nil {
				t.Errorf("%s links to %s, which is not there", page, link)
			}
		}
	}
}

// markdownLinks are the targets of [text](target), outside of code.
func markdownLinks(text string) []string {
	var links []string
	for n, block := range strings.Split(text, "```") {
		if n%2 == 1 {
			continue
		}

		for _, rest := range strings.Split(block, "](")[1:] {
			target, _, found := strings.Cut(rest, ")")
			if found && !strings.ContainsAny(target, " `\n") {
				links = append(links, target)
			}
		}
	}

	return links
}
