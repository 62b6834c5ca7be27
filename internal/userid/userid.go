// Package userid owns how users are named outside of this server: what a valid name is, its form in
// JSON, and the kinds that a setting chooses from. It does not draw names (internal/flow).
//
// Inside, a user is `users.id`. Outside, a user is the subject: `sub` of tokens, and `id` in answers.
// It is the id as text, unless the user has a subject of their own. Such a one never reads as an
// integer, so that no subject is the id of another user.
package userid

import (
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
)

// ID is the subject of a user. Two of them are equal where they name the same user.
type ID string

// Of is the subject of a user who has none of their own.
func Of(id int64) ID { return ID(strconv.FormatInt(id, 10)) }

var (
	characters = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	// integer is what some language reads as an integer: Python reads 1_000 as one.
	integer = regexp.MustCompile(`^-?[0-9_]+$`)
)

// Valid reports whether a text can be a subject: an id, or 1 to 64 characters of A-Z, a-z, 0-9, _
// and - that no language reads as an integer. The database has the same rule.
func Valid(text string) bool {
	if _, isID := ID(text).Key(); isID {
		return true
	}

	return characters.MatchString(text) && !integer.MatchString(text)
}

// Key is `users.id` where the subject is that as text. It reports false for a subject of the user's
// own.
func (id ID) Key() (int64, bool) {
	key, err := strconv.ParseInt(string(id), 10, 64)

	return key, err == nil && key > 0 && Of(key) == id
}

// exact is the first integer that JavaScript and many JSON parsers do not keep apart from its neighbours.
const exact = 1 << 53

// MarshalJSON writes a number where every parser keeps it exact, and otherwise a string, as allauth does.
func (id ID) MarshalJSON() ([]byte, error) {
	if key, ok := id.Key(); ok && key < exact {
		return []byte(id), nil
	}

	return json.Marshal(string(id))
}

// UnmarshalJSON reads a number or a string.
func (id *ID) UnmarshalJSON(text []byte) error {
	read := string(text)

	isText := len(text) > 0 && text[0] == '"'
	if isText {
		if err := json.Unmarshal(text, &read); err != nil {
			return err
		}
	}

	_, isKey := ID(read).Key()

	isGood := isKey || isText && Valid(read)
	if !isGood {
		return errors.New("a user id is a positive integer, or 1 to 64 characters of A-Z, a-z, 0-9, _ and -")
	}

	*id = ID(read)

	return nil
}
