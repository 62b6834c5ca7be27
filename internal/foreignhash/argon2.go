package foreignhash

import (
	"crypto/subtle"
	"fmt"
	"math"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Bounds of argon2's costs.
const (
	maxArgonMemory = 256 << 10 // KiB
	maxArgonPasses = 10
	maxArgonLanes  = 16
)

type argon2Hash struct {
	kind           string
	compute        func(password, salt []byte, passes, memory uint32, lanes uint8, length uint32) []byte
	memory, passes uint32
	lanes          uint8
	salt, tag      []byte
}

func (h argon2Hash) Kind() string { return h.kind }

func (h argon2Hash) Decoy() Hash {
	h.salt, h.tag = make([]byte, len(h.salt)), make([]byte, len(h.tag))

	return h
}

func (h argon2Hash) Matches(password string) bool {
	tag := h.compute([]byte(password), h.salt, h.passes, h.memory, h.lanes, uint32(len(h.tag))) //nolint:gosec // G115: at most maxTag

	return subtle.ConstantTimeCompare(tag, h.tag) == 1
}

// readArgon2 reads $argon2id$v=19$m=,t=,p=$salt$tag, and argon2i.
func readArgon2(name string) reader {
	compute := argon2.IDKey
	if name == "argon2i" {
		compute = argon2.Key
	}

	return func(rest string, _ Keys) (Hash, error) {
		parts := strings.Split(rest, "$")
		if len(parts) != 4 || parts[0] != "v=19" {
			return nil, ErrUnreadable
		}

		values, err := costs(parts[1], "m", "t", "p")
		if err != nil {
			return nil, err
		}
		memory, err := number(values[0], maxArgonMemory)
		if err != nil {
			return nil, err
		}
		passes, err := number(values[1], maxArgonPasses)
		if err != nil {
			return nil, err
		}
		lanes, err := number(values[2], min(maxArgonLanes, math.MaxUint8))
		if err != nil {
			return nil, err
		}
		salt, tag, err := decodeBoth(parts[2], parts[3])
		if err != nil {
			return nil, err
		}

		return argon2Hash{
			kind: fmt.Sprintf("%s$%d,%d,%d", name, memory, passes, lanes), compute: compute,
			memory: uint32(memory), passes: uint32(passes), lanes: uint8(lanes), salt: salt, tag: tag, //nolint:gosec // G115: bounded above
		}, nil
	}
}
