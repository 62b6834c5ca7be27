package latchkey

import (
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
)

// UserID is the id of a user as text, and `sub` of the user's tokens. JSON has it as a number or as a
// string; both are read, and == compares. It prints as what it is.
type UserID string

var userID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// UnmarshalJSON reads a number or a string.
func (id *UserID) UnmarshalJSON(text []byte) error {
	read := string(text)
	if len(text) > 0 && text[0] == '"' {
		if err := json.Unmarshal(text, &read); err != nil {
			return err
		}
	} else if _, err := strconv.ParseInt(read, 10, 64); err != nil {
		return errors.New("latchkey: a user id is an integer or a string")
	}

	if !userID.MatchString(read) {
		return errors.New("latchkey: a user id has 1 to 64 characters of A-Z, a-z, 0-9, _ and -")
	}
	*id = UserID(read)

	return nil
}

// MarshalJSON writes the form that the server uses: a number where every JSON parser keeps it exact, and
// otherwise a string.
func (id UserID) MarshalJSON() ([]byte, error) {
	number, err := strconv.ParseInt(string(id), 10, 64)
	if err == nil && number > 0 && number < 1<<53 && strconv.FormatInt(number, 10) == string(id) {
		return []byte(id), nil
	}

	return json.Marshal(string(id))
}
