package internal_test

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// lower writes the lists in testdata anew, where they have become better: `go test ./internal -lower`.
var lower = flag.Bool("lower", false, "write today's figures into testdata where they are better")

// A list in testdata has one line for each place: its name and a number. Lists only become better.
const ratchetIntro = "# Written by `go test ./internal -lower`. A number here only moves in one direction.\n"

// readRatchet reads a list of testdata.
func readRatchet(t *testing.T, path string) map[string]int {
	t.Helper()
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return map[string]int{}
	}
	if err != nil {
		t.Fatal(err)
	}

	list := map[string]int{}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		place, number, found := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.Atoi(number)
		if !found || err != nil {
			t.Fatalf("%s: %q is no line of a list", path, line)
		}
		list[place] = n
	}

	return list
}

// writeRatchet writes a list of testdata.
func writeRatchet(t *testing.T, path string, list map[string]int) {
	t.Helper()
	var out bytes.Buffer
	out.WriteString(ratchetIntro)
	for _, place := range slices.Sorted(maps.Keys(list)) {
		fmt.Fprintf(&out, "%s %d\n", place, list[place])
	}
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
