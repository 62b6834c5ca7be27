package flow

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/latchkey-auth/latchkey/internal/phone"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/typed"
)

// username is Django's UnicodeUsernameValidator.
var username = regexp.MustCompile(`^[\p{L}\p{M}\p{N}_@.+-]+$`)

const longestUsername = 150

func trimmed(text string) string { return strings.TrimSpace(text) }

// checkUsername returns a user name as it is stored, and what is wrong with it.
func (f *Flow) checkUsername(name string) (string, *problem.Problem) {
	name = typed.Plain(name)
	if !f.Policy.PreserveCasing {
		name = typed.Lower(name)
	}

	key := typed.Key(name)
	switch n := utf8.RuneCountInString(name); {
	case !username.MatchString(name):
		return name, problem.InvalidValue.Saying("Enter a valid username. It may contain letters, numbers and @ . + - _ only.")
	case n > longestUsername:
		return name, problem.TooLong(longestUsername, n)
	case n < f.Policy.UsernameMinLength:
		return name, problem.TooShort(f.Policy.UsernameMinLength, n)
	case slices.ContainsFunc(f.Policy.UsernameBlacklist, func(no string) bool { return typed.Key(no) == key }):
		return name, problem.UsernameBlacklisted
	}
	return name, nil
}

// nameFrom is a user name for a user who gave none: what is left in ASCII of the first text that
// leaves anything.
func nameFrom(texts ...string) string {
	for _, text := range texts {
		kept := strings.Map(func(r rune) rune {
			switch {
			case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_':
				return r
			case r == ' ':
				return '_'
			}
			return -1
		}, strings.ToLower(trimmed(typed.Decomposed(text))))
		if kept != "" {
			return kept[:min(len(kept), 100)]
		}
	}
	return "user"
}

func (f *Flow) checkPhone(number string) (string, *problem.Problem) {
	number, valid := phone.Normalize(number)
	if !valid {
		return number, problem.InvalidPhone
	}

	return number, f.Notices.Unserved(number)
}
