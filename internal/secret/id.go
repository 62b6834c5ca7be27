package secret

import (
	"crypto/rand"
	"encoding/binary"
	"errors"

	"github.com/google/uuid"
)

// ID31 returns a random integer from 1 to 2^31-1, which fits the `int` of every language. Where many
// of them have to differ, one that is in use is drawn again: see [Unique].
func ID31() int64 { return below(31) }

// ID52 returns a random integer from 1 to 2^52-1, which every JSON parser keeps exact.
func ID52() int64 { return below(52) }

// Upper31 returns a random integer from 2^30 to 2^31-1: of 31 bits, and never one of a sequence that
// begins at 1.
func Upper31() int64 {
	const first = 1 << 30

	return first | below(31)&(first-1)
}

// Upper63 returns a random integer from 2^53 to 2^63-1: none of them is exact in JavaScript, so that
// all of them are written as text.
func Upper63() int64 {
	for {
		if id := below(63); id >= 1<<53 {
			return id
		}
	}
}

// UUID returns a random UUID (RFC 9562, version 4).
func UUID() string { return uuid.NewString() }

// Letters returns 130 random bits as 26 letters and digits. Their case carries nothing: a database that
// compares without case keeps them apart.
func Letters() string { return rand.Text() }

// below returns a random integer of so many bits, and never zero.
func below(bits int) int64 {
	for {
		var b [8]byte
		_, _ = rand.Read(b[:])

		if id := int64(binary.BigEndian.Uint64(b[:]) >> (64 - bits)); id > 0 { //nolint:gosec // 63 bits at most
			return id
		}
	}
}

// draws is how many ids are drawn until one is free. Of 100 million that are in use one of 31 bits is
// taken once in twenty draws, and sixteen in a row never.
const draws = 16

// IDs31 returns the ids that a statement chooses a free one from.
func IDs31() []int64 {
	ids := make([]int64, draws)
	for i := range ids {
		ids[i] = ID31()
	}

	return ids
}

// Unique draws ids until store takes one, and returns that. store reports false where the id is in
// use already.
func Unique(draw func() int64, store func(id int64) (bool, error)) (int64, error) {
	for range draws {
		id := draw()

		stored, err := store(id)
		if err != nil || stored {
			return id, err
		}
	}

	return 0, errors.New("every id that was drawn is in use")
}
