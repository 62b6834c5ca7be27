package password

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"io"
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/latchkey-auth/latchkey/internal/problem"
)

// Settings of the policy.
type Settings struct {
	MinLength int `env:"LATCHKEY_PASSWORD_MIN_LENGTH" default:"8" min:"6" max:"128" doc:"The fewest characters of a new password."`
}

// Policy judges new passwords: Django's four validators in Django's order, every
// failure reported.
type Policy struct{ settings Settings }

// NewPolicy returns the policy that settings ask for.
func NewPolicy(settings Settings) Policy { return Policy{settings} }

// Check returns what speaks against a normalised password, for the member param.
// similarTo are words that it must not resemble; sign-up passes none, as allauth
// does.
func (p Policy) Check(password, param string, similarTo ...string) problem.List {
	var found problem.List
	if resembles(password, similarTo) {
		found = append(found, problem.PasswordSimilar.At(param))
	}
	if utf8.RuneCountInString(password) < p.settings.MinLength {
		found = append(found, problem.PasswordTooShort.At(param))
	}
	if _, common := commonPasswords()[strings.ToLower(password)]; common {
		found = append(found, problem.PasswordTooCommon.At(param))
	}
	if strings.TrimFunc(password, unicode.IsDigit) == "" {
		found = append(found, problem.PasswordNumeric.At(param))
	}
	return found
}

// About lists what a password of somebody must not resemble; nil for what they have not.
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

// resembles is Django's UserAttributeSimilarityValidator: each word and its parts,
// refused from a ratio of 0.7.
func resembles(password string, words []string) bool {
	password = strings.ToLower(password)
	for _, word := range words {
		word = strings.ToLower(word)
		for _, part := range append(wordBreak.Split(word, -1), word) {
			if part != "" && similarity(password, part) >= 0.7 {
				return true
			}
		}
	}
	return false
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

// Django's list of about 20,000 common passwords, made by Royce Williams; BSD-3-Clause
// (see common-passwords.LICENSE).
//
//go:embed common-passwords.txt.gz
var commonPasswordsFile []byte

// commonPasswords is read at the first new password, not at the start.
var commonPasswords = sync.OnceValue(func() map[string]struct{} {
	zipped, err := gzip.NewReader(bytes.NewReader(commonPasswordsFile))
	if err != nil {
		panic("embedded common passwords: " + err.Error())
	}
	text, err := io.ReadAll(zipped)
	if err != nil {
		panic("embedded common passwords: " + err.Error())
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n") // some have several words
	set := make(map[string]struct{}, len(lines))
	for _, line := range lines {
		set[line] = struct{}{}
	}
	return set
})
