// Command samples takes code samples out of tested files and writes them for the page /docs: by operation,
// in the order of the languages.
//
//	go run -C internal/tools ./samples -spec ../../openapi.yaml -root ../..
//
// A sample begins after a line with "sample: OPERATION" and ends before one with "end of sample".
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// language is one of the tabs beside an operation.
type language struct{ lang, label, file string }

// languages are all of them, and where their samples are tested.
var languages = []language{
	{"typescript", "TypeScript", "clients/typescript/test/samples.test.ts"},
	{"swift", "Swift", "clients/swift/Tests/LatchkeyLiveTests/SamplesLiveTests.swift"},
	{"go", "Go", "internal/e2e/goclient/samples_test.go"},
	{"bash", "curl", "docs/samples/curl.sh"},
}

// output is what the page loads, relative to the root.
const output = "internal/server/apipage/samples.json"

// sample is an entry of x-codeSamples.
type sample struct {
	Lang   string `json:"lang"`
	Label  string `json:"label"`
	Source string `json:"source"`
}

func main() {
	spec := flag.String("spec", "openapi.yaml", "the OpenAPI document")
	root := flag.String("root", ".", "the root of the repository")
	flag.Parse()
	if err := run(*spec, *root); err != nil {
		fmt.Fprintln(os.Stderr, "samples:", err)
		os.Exit(1)
	}
}

func run(spec, root string) error {
	text, err := os.ReadFile(spec)
	if err != nil {
		return err
	}

	found := map[string][]sample{}
	for _, l := range languages {
		code, err := os.ReadFile(filepath.Join(root, l.file))
		if err != nil {
			return err
		}
		list, err := extract(string(code))
		if err != nil {
			return fmt.Errorf("%s: %w", l.file, err)
		}
		for operation, source := range list {
			found[operation] = append(found[operation], sample{l.lang, l.label, source})
		}
	}
	if err := check(found, string(text)); err != nil {
		return err
	}

	written, err := json.MarshalIndent(found, "", "  ")
	if err != nil {
		return err
	}

	return os.WriteFile(filepath.Join(root, output), append(written, '\n'), 0o644) //nolint:gosec // shown to everybody
}

var begins = regexp.MustCompile(`^\s*(?://|#) sample: (\w+)$`)

// extract returns the samples of a file, by operation.
func extract(code string) (map[string]string, error) {
	found := map[string]string{}
	operation := ""
	var lines []string

	for line := range strings.Lines(code) {
		line = strings.TrimRight(line, "\r\n")
		begin := begins.FindStringSubmatch(line)

		switch {
		case begin != nil && operation != "":
			return nil, fmt.Errorf("the sample %s has no end", operation)
		case begin != nil && found[begin[1]] != "":
			return nil, fmt.Errorf("there are two samples %s", begin[1])
		case begin != nil:
			operation, lines = begin[1], nil
		case operation != "" && strings.Contains(line, "end of sample"):
			found[operation] = dedent(lines)
			operation = ""
		case operation != "":
			lines = append(lines, line)
		}
	}
	if operation != "" {
		return nil, fmt.Errorf("the sample %s has no end", operation)
	}

	return found, nil
}

// dedent removes what all lines begin with, and makes tabs two blanks.
func dedent(lines []string) string {
	indent := -1
	for _, line := range lines {
		if text := strings.TrimLeft(line, " \t"); text != "" && (indent < 0 || len(line)-len(text) < indent) {
			indent = len(line) - len(text)
		}
	}

	var b strings.Builder
	for _, line := range lines {
		if len(line) >= indent && indent > 0 {
			line = line[indent:]
		}
		text := strings.TrimLeft(line, "\t")
		b.WriteString(strings.Repeat("  ", len(line)-len(text)) + text + "\n")
	}

	return strings.TrimSpace(b.String())
}

// check refuses a sample of an operation that does not exist, and one that a language lacks.
func check(found map[string][]sample, spec string) error {
	var wrong []error
	for operation, list := range found {
		known, err := regexp.MatchString(`(?m)^\s*operationId: `+operation+`$`, spec)
		if err != nil {
			return err
		}
		if !known {
			wrong = append(wrong, fmt.Errorf("%s is no operation of the spec", operation))
		}
		if len(list) != len(languages) {
			wrong = append(wrong, fmt.Errorf("%s has %d samples, want one in each of %d languages", operation, len(list), len(languages)))
		}
	}
	if len(found) == 0 {
		wrong = append(wrong, errors.New("there are no samples"))
	}

	return errors.Join(wrong...)
}
