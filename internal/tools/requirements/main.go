// Command requirements writes docs/requirements.md: each requirement that a test or a comment
// names, with one sentence, its source and its tests.
//
//	go run -C internal/tools ./requirements -root ../..
//	go run -C internal/tools ./requirements -root ../.. -check
//
// The sentences are in requirements.yaml. The tests are found in the code: by the name of a test
// function, by the comment above it, and by comments inside it. An id without an entry, an entry
// that nothing cites, and an entry without a test are errors. With -check nothing is written: the
// command fails if the page is not current.
package main

import (
	"bytes"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const page = "docs/requirements.md"

//go:embed requirements.yaml
var data []byte

func main() {
	root := flag.String("root", ".", "directory of the repository")
	check := flag.Bool("check", false, "fail if the page is not current, and write nothing")
	flag.Parse()

	if err := run(*root, *check); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(root string, check bool) error {
	groups, err := parseGroups(data)
	if err != nil {
		return err
	}

	sources, err := readSources(root)
	if err != nil {
		return err
	}

	found := cite(sources, groups)
	if faults := faultsOf(groups, found); len(faults) > 0 {
		return errors.New(strings.Join(faults, "\n"))
	}

	text := render(groups, found)
	path := filepath.Join(root, page)
	if !check {
		return os.WriteFile(path, text, 0o644) //nolint:gosec // a page, not a secret
	}

	written, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !bytes.Equal(written, text) {
		return fmt.Errorf("%s is not current: run make generate", page)
	}

	return nil
}

// source is a text file of the repository.
type source struct {
	path, text string
}

// scanned are the kinds of files whose ids count.
var scanned = []string{"*.go", "*.sql", "*.ts", "*.tsx", "*.swift", "*.yaml", "*.yml", "*.md", "*.sh", "Makefile"}

// readSources reads every tracked file that is written by hand, apart from the page and its data.
func readSources(root string) ([]source, error) {
	list, err := exec.Command("git", append([]string{"-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"}, scanned...)...).Output() //nolint:gosec // constants, and a flag of the caller
	if err != nil {
		return nil, fmt.Errorf("git ls-files: %w", err)
	}

	var sources []source
	for path := range strings.SplitSeq(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		isOurs := path == page || strings.HasPrefix(path, "internal/tools/requirements/")
		isGenerated := strings.Contains(path, ".gen.")
		if isOurs || isGenerated {
			continue
		}

		text, err := os.ReadFile(filepath.Join(root, path))
		if errors.Is(err, os.ErrNotExist) { // deleted, and not committed yet
			continue
		}
		if err != nil {
			return nil, err
		}
		sources = append(sources, source{path, string(text)})
	}

	return sources, nil
}
