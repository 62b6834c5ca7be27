package foreignhash

import (
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Bounds of argon2's costs.
const (
	maxArgonMemory = 256 << 10 // KiB
	maxArgonPasses = 10
	maxArgonLanes  = 16
)

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
		lanes, err := number(values[2], maxArgonLanes)
		if err != nil {
			return nil, err
		}
		salt, tag, err := decodeBoth(parts[2], parts[3])
		if err != nil {
			return nil, err
		}

		derive := func(password string, salt []byte, length int) []byte {
			return compute([]byte(password), salt, uint32(passes), uint32(memory), uint8(lanes), uint32(length)) //nolint:gosec // G115: bounded above
		}
		kind := fmt.Sprintf("%s$%d,%d,%d", name, memory, passes, lanes)

		return derivedHash{kind: kind, salt: salt, tag: tag, derive: derive}, nil
	}
}
