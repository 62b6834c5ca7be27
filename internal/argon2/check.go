package argon2

import (
	"crypto/subtle"
	"fmt"

	"golang.org/x/crypto/argon2"
)

// codeLevel says which code computes a block.
type codeLevel int

const (
	generic codeLevel = iota // Go
	avx2
	avx512
)

func (l codeLevel) String() string { return [...]string{"generic", "AVX2", "AVX-512"}[l] }

// Level names the code that this processor runs: generic, AVX2 or AVX-512.
func Level() string { return level.String() }

// Accelerated reports whether this package is faster than x/crypto here: its code in Go is not.
func Accelerated() bool { return level > generic }

// Check compares this package's tags with x/crypto's, with small memories and one and two lanes. A server
// calls it at its start, and computes with x/crypto where it returns an error: a processor or an emulator
// that computes wrongly would make every password wrong.
func Check() error {
	for _, p := range []Params{{Time: 2, Memory: 64, Threads: 1, KeyLen: 32}, {Time: 1, Memory: 77, Threads: 2, KeyLen: 100}} {
		h, err := New(p)
		if err != nil {
			return err
		}

		password, salt := []byte("a password that nobody has"), []byte("0123456789abcdef")
		want := argon2.IDKey(password, salt, p.Time, p.Memory, p.Threads, p.KeyLen)
		got := h.Key(nil, password, salt)
		h.Close()

		if subtle.ConstantTimeCompare(got, want) != 1 {
			return fmt.Errorf("argon2: the code for %v computes a wrong tag for %+v", level, p)
		}
	}

	return nil
}
