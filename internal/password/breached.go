package password

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // the hash of the list's format; it protects nothing here
	"encoding/hex"
	"errors"
	"io"
	"os"
	"strings"
)

const (
	hexHash     = 2 * sha1.Size
	longestLine = hexHash + len(":18446744073709551615\r\n")
)

var errNoList = errors.New("is no list of SHA-1 hashes in ascending order, one a line")

// breachedList is a file with the SHA-1 hashes of breached passwords in ascending order, one
// HASH:COUNT a line, as the Pwned Passwords downloader writes it. It is tens of gigabytes long and
// is searched where it lies.
type breachedList struct {
	file io.ReaderAt
	size int64
}

// openBreached opens a list. The caller closes the file.
func openBreached(path string) (*os.File, breachedList, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, breachedList{}, errors.Unwrap(err) // the message names the setting, not the path
	}

	info, err := file.Stat()
	if err != nil {
		_ = file.Close()
		return nil, breachedList{}, err
	}
	return file, breachedList{file, info.Size()}, nil
}

// checkBreached looks at both ends of a list, so that another file is noticed at the start.
func checkBreached(path string) error {
	file, list, err := openBreached(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()

	if list.size == 0 {
		return errNoList
	}
	first, _, _, err := list.lineAt(0)
	if err != nil {
		return err
	}
	last, _, _, err := list.lineAt(list.size - 1)
	if err == nil && last < first {
		err = errNoList
	}
	return err
}

// has reports whether a password is in the list, by binary search.
func (l breachedList) has(password string) (bool, error) {
	sum := sha1.Sum([]byte(password)) //nolint:gosec // see above
	want := strings.ToUpper(hex.EncodeToString(sum[:]))

	low, high := int64(0), l.size
	for low < high {
		hash, start, next, err := l.lineAt(low + (high-low)/2)
		switch {
		case err != nil:
			return false, err
		case hash == want:
			return true, nil
		case hash < want:
			low = next
		default:
			high = start
		}
	}
	return false, nil
}

// lineAt returns the hash of the line that an offset lies in, where that line starts, and where
// the next one does.
func (l breachedList) lineAt(offset int64) (hash string, start, next int64, err error) {
	from := max(0, offset-int64(longestLine))
	window := make([]byte, min(l.size, offset+int64(longestLine))-from)
	if _, err := l.file.ReadAt(window, from); err != nil {
		return "", 0, 0, err
	}

	at := int(offset - from)
	begin := bytes.LastIndexByte(window[:at], '\n') + 1
	end := len(window)
	if n := bytes.IndexByte(window[at:], '\n'); n >= 0 {
		end = at + n + 1
	}

	line := window[begin:end]
	if len(line) < hexHash || len(line) > longestLine {
		return "", 0, 0, errNoList
	}
	hash = strings.ToUpper(string(line[:hexHash]))
	if _, err := hex.DecodeString(hash); err != nil {
		return "", 0, 0, errNoList
	}
	return hash, from + int64(begin), from + int64(end), nil
}
