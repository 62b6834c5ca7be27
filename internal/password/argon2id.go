package password

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"

	xargon2 "golang.org/x/crypto/argon2"

	"github.com/latchkey-auth/latchkey/internal/argon2"
)

// Configure reads the settings of hashes: the keys of other systems' ones, and what computes argon2id. Call it
// before use. It computes with this program's own assembly where settings allow
// it, the processor has AVX2, and the results are right. It returns what computes, for the log, and an error
// where the assembly computes wrongly: then golang.org/x/crypto does.
func (g *Gate) Configure(settings Settings) (computes string, err error) {
	g.foreignKeys, _ = settings.foreignKeys() // checked with the settings

	const portable = "golang.org/x/crypto"

	g.portable = !settings.Assembly || !argon2.Accelerated()
	if g.portable {
		return portable, nil
	}

	if err := argon2.Check(); err != nil {
		g.portable = true
		return portable, err
	}

	return argon2.Level(), nil
}

// tag computes argon2id with today's parameters. The hash gate bounds how many do so at once.
func (s *Slot) tag(password string, salt []byte) []byte {
	if s.gate.portable {
		return xargon2.IDKey([]byte(password), salt, params.Iterations, params.Memory, params.Parallelism, params.KeyLength)
	}

	h := s.gate.hashers.take()
	defer s.gate.hashers.put(h)

	return h.Key(nil, []byte(password), salt)
}

// create returns the PHC string of a password with today's parameters.
func (s *Slot) create(password string) (string, error) {
	salt := make([]byte, params.SaltLength)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}

	encode := base64.RawStdEncoding.EncodeToString
	tag := s.tag(password, salt)

	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		xargon2.Version, params.Memory, params.Iterations, params.Parallelism, encode(salt), encode(tag)), nil
}

// matches reports whether a password has a tag.
func (s *Slot) matches(password string, salt, tag []byte) bool {
	return subtle.ConstantTimeCompare(s.tag(password, salt), tag) == 1
}
