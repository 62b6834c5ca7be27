package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
)

// ErrSealed says that a sealed text cannot be opened: its key is gone, it was moved, or it
// is damaged.
var ErrSealed = errors.New("the sealed text cannot be opened")

// Sealer seals secrets that have to be read again, such as a code that is still to be
// sent, with AES-256-GCM. Several keys may open; the first seals. A key may be added while it is used.
type Sealer struct{ state atomic.Pointer[sealingKeys] }

type sealingKeys struct {
	ids  []string
	keys map[string]cipher.AEAD
}

var sealingKeyID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)

// ParseSealer reads keys of the form id:base64, separated by commas; each is 32 bytes.
func ParseSealer(text string) (*Sealer, error) {
	s := EmptySealer()
	for _, part := range strings.Split(text, ",") {
		id, encoded, named := strings.Cut(strings.TrimSpace(part), ":")
		// Security: without a colon this is a key, which the messages below would show
		// (TestParseSealer_refusesWhatIsNoKeyWithoutShowingIt).
		if !named || !sealingKeyID.MatchString(id) || s.get(id) != nil {
			return nil, errors.New("want id:base64, separated by commas, each id once and of letters, digits, - and _")
		}

		key, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil || len(key) != 32 {
			return nil, fmt.Errorf("key %s: want 32 bytes in base64, as `openssl rand -base64 32` prints them", id)
		}

		s.Add(id, key)
	}

	return s, nil
}

// NewSealer returns a sealer with one key of 32 bytes.
func NewSealer(id string, key []byte) *Sealer {
	s := EmptySealer()
	s.Add(id, key)
	return s
}

// EmptySealer returns a sealer without keys: it must be given one before it is used.
func EmptySealer() *Sealer {
	s := &Sealer{}
	s.state.Store(&sealingKeys{keys: map[string]cipher.AEAD{}})
	return s
}

// Add adds a key of 32 bytes behind those that are there, or puts it in the place of the one with its id.
func (s *Sealer) Add(id string, key []byte) {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("secret: a sealing key has 32 bytes") // all callers see to it
	}

	aead, _ := cipher.NewGCM(block) // AES has the block size that GCM wants

	old := s.state.Load()

	fresh := &sealingKeys{ids: slices.Clone(old.ids), keys: maps.Clone(old.keys)}
	if old.keys[id] == nil {
		fresh.ids = append(fresh.ids, id)
	}

	fresh.keys[id] = aead
	s.state.Store(fresh)
}

// Has reports whether there is a key of this id.
func (s *Sealer) Has(id string) bool { return s.get(id) != nil }

// Newest is the id of the key that seals.
func (s *Sealer) Newest() string { return s.state.Load().ids[0] }

func (s *Sealer) get(id string) cipher.AEAD { return s.state.Load().keys[id] }

// Seal encrypts text. about is what it belongs to, such as its row's id: it opens nowhere
// else. The result begins with the id of the key.
func (s *Sealer) Seal(text []byte, about string) []byte {
	state := s.state.Load()
	id := state.ids[0]
	aead := state.keys[id]
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

	aead := s.get(id)
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
