package code

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/latchkey-auth/latchkey/internal/typed"
)

// The alphabets of codes. Letters: RFC 8628, section 6.1, which has no vowels, so that no
// code is a word.
const (
	letters = "BCDFGHJKLMNPQRSTVWXZ"
	digits  = "0123456789"
)

// The formats where the settings name none. Phones offer to fill in a run of digits: Android's SMS
// User Consent takes codes of 4 to 10 characters with a digit in them, and iOS looks for digits.
//
// Security: eight digits are 26 bits. A code has three guesses, and a number gets at most twenty texts
// in a day, so that a day's guesses at it succeed once in 1.6 million (TestTexts_guessesAtANumberAreBounded).
const (
	mailedFormat = `{}`
	textedFormat = `{"length": 8, "numeric": true, "dashed": false}`
)

// format is how codes of a purpose look (ALLAUTH_USER_CODE_FORMAT).
type format struct {
	Length  int   `json:"length"`
	Numeric bool  `json:"numeric"`
	Dashed  *bool `json:"dashed"`
}

// parseFormat reads {"length": 8, "numeric": false, "dashed": true}; what is absent is
// as allauth has it.
func parseFormat(text string) (format, error) {
	var f format
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.DisallowUnknownFields()

	if err := decoder.Decode(&f); err != nil {
		return f, errors.New(`want a JSON object such as {"length": 8, "numeric": false, "dashed": true}`)
	}

	if f.Length == 0 {
		f.Length = 8
		if f.Numeric {
			f.Length = 9
		}
	}

	if f.Length < 6 || f.Length > 32 {
		return f, fmt.Errorf("length %d: want 6 to 32; three guesses at less are worth trying", f.Length)
	}

	return f, nil
}

// generate makes a code, every character of the alphabet as likely as every other.
func (f format) generate() string {
	alphabet := letters
	if f.Numeric {
		alphabet = digits
	}

	size := big.NewInt(int64(len(alphabet)))

	text := make([]byte, f.Length)
	for i := range text {
		n, _ := rand.Int(rand.Reader, size) // never fails: crypto/rand ends the process instead
		text[i] = alphabet[n.Int64()]
	}

	if f.Dashed != nil && !*f.Dashed {
		return string(text)
	}

	return dash(string(text))
}

// dash splits a code for reading: in two groups up to 8 characters, in three above.
func dash(text string) string {
	groups := 2
	if len(text) > 8 {
		groups = 3
	}

	var parts []string
	for ; groups > 0; groups-- {
		n := len(text) / groups
		parts, text = append(parts, text[:n]), text[n:]
	}

	return strings.Join(parts, "-")
}

// normalize returns what counts of a code that a user typed: letters without regard to case, and digits.
func normalize(text string) string { return strings.ToUpper(typed.Code(text)) }
