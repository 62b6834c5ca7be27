package foreignhash

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"golang.org/x/crypto/scrypt"
)

const (
	maxScryptMemory = 256 << 20 // bytes: 128 * r * N
	maxScryptWork   = 1 << 22   // N * r * p
	maxScryptN      = 1 << 24
	maxScryptOther  = 64 // r, p
)

// scryptCosts are N, r and p.
type scryptCosts struct{ n, r, p int }

func (c scryptCosts) String() string { return fmt.Sprintf("%d,%d,%d", c.n, c.r, c.p) }

// check returns ErrBounds for costs that would take too much memory or time.
func (c scryptCosts) check() error {
	isPower := c.n > 1 && bits.OnesCount(uint(c.n)) == 1
	if !isPower {
		return ErrUnreadable
	}
	if 128*c.r*c.n > maxScryptMemory || c.n*c.r*c.p > maxScryptWork {
		return ErrBounds
	}

	return nil
}

// readCosts reads N, r and p from three numbers.
func readCosts(n, r, p string) (c scryptCosts, err error) {
	if c.n, err = number(n, maxScryptN); err != nil {
		return c, err
	}
	if c.r, err = number(r, maxScryptOther); err != nil {
		return c, err
	}
	if c.p, err = number(p, maxScryptOther); err != nil {
		return c, err
	}

	return c, c.check()
}

// readLogCosts is readCosts where the first number is the binary logarithm of N.
func readLogCosts(ln, r, p string) (scryptCosts, error) {
	const most = 24
	log, err := number(ln, most)
	if err != nil {
		return scryptCosts{}, err
	}

	return readCosts(strconv.Itoa(1<<log), r, p)
}

// derive returns a tag, or a key of the length.
func (c scryptCosts) derive(password string, salt []byte, length int) []byte {
	tag, _ := scrypt.Key([]byte(password), salt, c.n, c.r, c.p, length) // it fails for no costs that check lets pass

	return tag
}

// newScrypt is the hash of costs, salt and tag.
func newScrypt(c scryptCosts, salt, tag []byte) Hash {
	return derivedHash{kind: "scrypt$" + c.String(), salt: salt, tag: tag, derive: c.derive}
}

// readDjangoScrypt reads scrypt$N$salt$r$p$tag. The salt is text, and the tag base64.
func readDjangoScrypt(rest string, _ Keys) (Hash, error) {
	parts := strings.Split(rest, "$")
	if len(parts) != 5 {
		return nil, ErrUnreadable
	}

	c, err := readCosts(parts[0], parts[2], parts[3])
	if err != nil {
		return nil, err
	}
	tag, err := decodeTag(parts[4])
	if err != nil {
		return nil, err
	}
	if len(parts[1]) > maxSalt {
		return nil, ErrBounds
	}

	return newScrypt(c, []byte(parts[1]), tag), nil
}

// readScrypt reads $scrypt$ln=,r=,p=$salt$tag. ln is the binary logarithm of N.
func readScrypt(rest string, _ Keys) (Hash, error) {
	parts := strings.Split(rest, "$")
	if len(parts) != 3 {
		return nil, ErrUnreadable
	}

	values, err := costs(parts[0], "ln", "r", "p")
	if err != nil {
		return nil, err
	}
	c, err := readLogCosts(values[0], values[1], values[2])
	if err != nil {
		return nil, err
	}
	salt, tag, err := decodeBoth(parts[1], parts[2])
	if err != nil {
		return nil, err
	}

	return newScrypt(c, salt, tag), nil
}
