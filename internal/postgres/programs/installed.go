package programs

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// packagePlaces are where distributions install the server programs, a pattern each.
var packagePlaces = []string{
	"/usr/lib/postgresql/*/bin",
	"/usr/pgsql-*/bin",
	"/opt/homebrew/opt/postgresql@*/bin",
	"/usr/local/opt/postgresql@*/bin",
	"/usr/libexec/postgresql*",
}

// oldestMajor is the oldest version of PostgreSQL that Latchkey runs on.
const oldestMajor = 15

// findInstalled returns the newest installed version, or else what PATH names.
func findInstalled(places []string) (string, bool) {
	var found []string
	for _, pattern := range places {
		dirs, _ := filepath.Glob(pattern) // the patterns are constants: no error is possible
		found = append(found, dirs...)
	}

	found = slices.DeleteFunc(found, func(dir string) bool {
		return !hasPrograms(dir) || majorOf(dir) < oldestMajor
	})

	if len(found) > 0 {
		return slices.MaxFunc(found, func(a, b string) int { return majorOf(a) - majorOf(b) }), true
	}

	path, err := exec.LookPath("postgres")
	if err != nil {
		return "", false
	}

	dir := filepath.Dir(path)

	return dir, hasPrograms(dir)
}

var digits = regexp.MustCompile(`[0-9]+`)

// majorOf reads the major version from a directory's name, such as /usr/lib/postgresql/17/bin.
// A name without one counts as the oldest that is good enough.
func majorOf(dir string) int {
	numbers := digits.FindAllString(dir, -1)
	if len(numbers) == 0 {
		return oldestMajor
	}

	n, err := strconv.Atoi(numbers[len(numbers)-1])
	if err != nil {
		return oldestMajor
	}

	return n
}
