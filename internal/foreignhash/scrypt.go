package foreignhash

import (
	"crypto/subtle"
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

type scryptHash struct {
	kind  string
	costs scryptCosts
	salt  []byte
	tag   []byte
}

func (h scryptHash) Kind() string { return h.kind }

func (h scryptHash) Decoy() Hash {
	h.salt, h.tag = make([]byte, len(h.salt)), make([]byte, len(h.tag))

	return h
}

func (h scryptHash) Matches(password string) bool {
	tag, err := scrypt.Key([]byte(password), h.salt, h.costs.n, h.costs.r, h.costs.p, len(h.tag))

	return err == nil && subtle.ConstantTimeCompare(tag, h.tag) == 1
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

	return scryptHash{kind: "scrypt$" + c.String(), costs: c, salt: []byte(parts[1]), tag: tag}, nil
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

	return scryptHash{kind: "scrypt$" + c.String(), costs: c, salt: salt, tag: tag}, nil
}
