package app

import (
	"bufio"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// releaseProgram takes those pages of the program's file out of this process that nobody changed: its code and its
// constants. The start has touched most of them, requests touch a third. What is needed again comes back from the
// system's cache of files, 16 pages at a time.
func releaseProgram() {
	maps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer func() { _ = maps.Close() }()
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}

	var from, to uintptr // of the mapping whose lines follow; 0 for one that stays
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		words := strings.Fields(lines.Text())
		switch {
		case len(words) < 2:
			continue
		case !strings.HasSuffix(words[0], ":"):
			from, to = 0, 0
			if isConstant := words[1] == "r-xp" || words[1] == "r--p"; isConstant && words[len(words)-1] == program {
				from, to = addresses(words[0])
			}
		// A page that was changed before it became read-only would lose the change. Such pages are anonymous.
		case words[0] == "Anonymous:" && words[1] == "0" && from < to:
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED)
		}
	}
}

// addresses reads the two of a line of smaps.
func addresses(text string) (from, to uintptr) {
	low, high, _ := strings.Cut(text, "-")
	first, err1 := strconv.ParseUint(low, 16, 64)
	last, err2 := strconv.ParseUint(high, 16, 64)
	if err1 != nil || err2 != nil {
		return 0, 0
	}

	return uintptr(first), uintptr(last)
}
