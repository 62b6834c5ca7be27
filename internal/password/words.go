package password

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// productName is a word that no password may be made of, besides those of the operator.
const productName = "latchkey"

// shortestWord is the length from which a word is looked for inside a password. A shorter one
// is in too many good passwords by chance.
const shortestWord = 4

// About lists what a password of a user must not resemble; nil for what the user has not.
func About(email, username *string, display string) []string {
	words := []string{display}
	for _, w := range []*string{email, username} {
		if w != nil {
			words = append(words, *w)
		}
	}
	return words
}

// wordBreak is Python's \W, which knows letters beyond ASCII.
var wordBreak = regexp.MustCompile(`[^\p{L}\p{N}_]+`)

// parts returns each word and the words that it consists of, in lower case: an address is
// itself, its local part and the labels of its domain.
func parts(words []string) []string {
	var list []string
	for _, word := range words {
		word = strings.ToLower(word)
		for _, part := range append(wordBreak.Split(word, -1), word) {
			if part != "" {
				list = append(list, part)
			}
		}
	}
	return list
}

// resembles is Django's UserAttributeSimilarityValidator: each word and its parts,
// refused from a ratio of 0.7.
func resembles(password string, words []string) bool {
	password = strings.ToLower(password)
	return slices.ContainsFunc(parts(words), func(part string) bool {
		return similarity(password, part) >= 0.7
	})
}

// leansOn reports whether a password is a known word with too little around it: without its
// known words it would be too short, or a common password. A long passphrase that contains
// such a word stays good: NIST SP 800-63B-4, 3.1.1.2, compares whole passwords for that reason.
func (p Policy) leansOn(password string, words []string) bool {
	password = strings.ToLower(password)
	known := parts(words)

	// The longest first, so that no part of a word hides the word.
	slices.SortFunc(known, func(a, b string) int { return len(b) - len(a) })

	rest := password
	for _, word := range known {
		if utf8.RuneCountInString(word) >= shortestWord {
			rest = strings.ReplaceAll(rest, word, "")
		}
	}
	if rest == password {
		return false
	}
	return utf8.RuneCountInString(rest) < p.settings.MinLength || isCommon(rest)
}

// similarity is the upper bound that Python's SequenceMatcher.quick_ratio gives:
// twice the characters in common, over all characters.
func similarity(a, b string) float64 {
	left := map[rune]int{}
	for _, r := range b {
		left[r]++
	}

	common := 0
	for _, r := range a {
		if left[r] > 0 {
			left[r]--
			common++
		}
	}
	return 2 * float64(common) / float64(utf8.RuneCountInString(a)+utf8.RuneCountInString(b))
}
