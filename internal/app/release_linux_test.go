package app

import (
	"os"
	"regexp"
	"strconv"
	"testing"
)

// The code and the constants that a start has touched are not in memory afterwards, and the program runs on.
func TestReleaseProgram_unmapsItsFile(t *testing.T) {
	before := residentFile(t)
	releaseProgram()
	after := residentFile(t)

	if after > before*3/4 {
		t.Errorf("%d KiB of files are resident, %d before", after, before)
	}
}

// residentFile is how much of files is in this process's memory, in KiB.
func residentFile(t *testing.T) int {
	t.Helper()

	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`RssFile:\s+(\d+)`).FindSubmatch(status)
	if found == nil {
		t.Fatal("/proc/self/status has no RssFile")
	}
	n, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}

	return n
}
