package foreignhash

import (
	"encoding/base64"
	"strconv"
	"strings"
)

// Bounds of what may be stored: a row must not be able to stop the server.
const (
	minTag  = 16   // bytes
	maxTag  = 128  // bytes
	maxSalt = 1024 // bytes
)

// number reads a decimal number from 1 to most, without sign and leading zeros.
func number(text string, most int) (int, error) {
	if text == "" || strings.Trim(text, "0123456789") != "" || (len(text) > 1 && text[0] == '0') {
		return 0, ErrUnreadable
	}

	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, ErrBounds
	}

	return n, nil
}

// costs reads "name=number" pairs separated by commas, exactly those of names and in their order.
func costs(text string, names ...string) ([]string, error) {
	pairs := strings.Split(text, ",")
	if len(pairs) != len(names) {
		return nil, ErrUnreadable
	}

	values := make([]string, len(names))
	for i, name := range names {
		value, found := strings.CutPrefix(pairs[i], name+"=")
		if !found {
			return nil, ErrUnreadable
		}
		values[i] = value
	}

	return values, nil
}

// decode reads base64 with or without padding, of the standard alphabet or passlib's, which has a dot for
// the plus.
func decode(text string) ([]byte, error) {
	text = strings.ReplaceAll(strings.TrimRight(text, "="), ".", "+")
	b, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return nil, ErrUnreadable
	}

	return b, nil
}

// decodeSalt reads a salt in base64.
func decodeSalt(text string) ([]byte, error) {
	salt, err := decode(text)
	if err != nil {
		return nil, err
	}
	if len(salt) > maxSalt {
		return nil, ErrBounds
	}

	return salt, nil
}

// decodeTag reads a tag in base64.
func decodeTag(text string) ([]byte, error) {
	tag, err := decode(text)
	if err != nil {
		return nil, err
	}
	if len(tag) < minTag || len(tag) > maxTag {
		return nil, ErrBounds
	}

	return tag, nil
}

// decodeBoth reads a salt and a tag in base64.
func decodeBoth(saltText, tagText string) (salt, tag []byte, err error) {
	if salt, err = decodeSalt(saltText); err != nil {
		return nil, nil, err
	}
	tag, err = decodeTag(tagText)

	return salt, tag, err
}
