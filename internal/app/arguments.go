package app

import "strings"

// separateHyphenated moves arguments such as -Fq3… behind a "--", where the parser takes them as they are.
// Ids of sessions and of users may begin with a hyphen, and are pasted; the program has no short flag but -h.
//
// The value of a flag stays where it is, and so does what follows a "--".
func separateHyphenated(args []string) []string {
	var kept, moved []string
	for i, arg := range args {
		if arg == "--" {
			kept = append(kept, moved...)
			return append(kept, args[i:]...)
		}

		isHyphenated := len(arg) > len("-h") && arg[0] == '-' && arg[1] != '-'
		mayBeValue := i > 0 && strings.HasPrefix(args[i-1], "--") && !strings.Contains(args[i-1], "=")
		if isHyphenated && !mayBeValue {
			moved = append(moved, arg)
			continue
		}
		kept = append(kept, arg)
	}

	if len(moved) == 0 {
		return kept
	}

	return append(append(kept, "--"), moved...)
}
