package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// ErrSealed says that a sealed text cannot be opened: its key is gone, it was moved, or it
// is damaged.
var ErrSealed = errors.New("the sealed text cannot be opened")

// Sealer seals secrets that have to be read again, such as a code that is still to be
// sent, with AES-256-GCM. Several keys may open; the first seals.
type Sealer struct {
	ids  []string
	keys map[string]cipher.AEAD
}

var sealingKeyID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)

// ParseSealer reads keys of the form id:base64, separated by commas; each is 32 bytes.
func ParseSealer(text string) (*Sealer, error) {
	s := &Sealer{keys: map[string]cipher.AEAD{}}
	for _, part := range strings.Split(text, ",") {
		id, encoded, named := strings.Cut(strings.TrimSpace(part), ":")
		// Security: without a colon this is a key, which the messages below would show.
		if !named || !sealingKeyID.MatchString(id) || s.keys[id] != nil {
			return nil, errors.New("want id:base64, separated by commas, each id once and of letters, digits, - and _")
		}
		key, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil || len(key) != 32 {
			return nil, fmt.Errorf("key %s: want 32 bytes in base64, as `openssl rand -base64 32` prints them", id)
		}
		s.add(id, key)
	}
	return s, nil
}

// NewSealer returns a sealer with one key of 32 bytes.
func NewSealer(id string, key []byte) *Sealer {
	s := &Sealer{keys: map[string]cipher.AEAD{}}
	s.add(id, key)
	return s
}

func (s *Sealer) add(id string, key []byte) {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("secret: a sealing key has 32 bytes") // both callers see to it
	}
	aead, _ := cipher.NewGCM(block) // AES has the block size that GCM wants
	s.ids, s.keys[id] = append(s.ids, id), aead
}

// Seal encrypts text. about is what it belongs to, such as its row's id: it opens nowhere
// else. The result begins with the id of the key.
func (s *Sealer) Seal(text []byte, about string) []byte {
	id := s.ids[0]
	aead := s.keys[id]
	nonce := make([]byte, aead.NonceSize())
	_, _ = rand.Read(nonce)
	head := append([]byte(id+":"), nonce...)
	return aead.Seal(head, nonce, text, []byte(id+"|"+about))
}

// Open decrypts what Seal made.
func (s *Sealer) Open(sealed []byte, about string) ([]byte, error) {
	id, rest, found := strings.Cut(string(sealed), ":")
	if !found || !sealingKeyID.MatchString(id) {
		return nil, ErrSealed
	}
	aead := s.keys[id]
	if aead == nil {
		return nil, fmt.Errorf("%w: its key %q is not there", ErrSealed, id)
	}
	if len(rest) < aead.NonceSize() {
		return nil, ErrSealed
	}
	text, err := aead.Open(nil, []byte(rest[:aead.NonceSize()]), []byte(rest[aead.NonceSize():]), []byte(id+"|"+about))
	if err != nil {
		return nil, ErrSealed
	}
	return text, nil
}
