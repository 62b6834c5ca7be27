package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"
)

// key is one P-256 key pair. kid is the RFC 7638 thumbprint.
type key struct {
	kid     string
	private *ecdsa.PrivateKey
	public  PublicKey
}

// PublicKey is a key as the JWKS shows it: public members only (RFC 7517).
type PublicKey struct{ KeyType, Curve, X, Y, ID, Algorithm, Use string }

// keys is the whole key state at one moment.
type keys struct {
	signer *key
	byID   map[string]*key
	public []PublicKey
}

// Keyring holds the keys. It is safe for concurrent use.
type Keyring struct {
	state atomic.Pointer[keys]

	// Where the keys are read again; nil for a fixed ring.
	source func() (string, error)
	clock  func() time.Time
	mu     sync.Mutex // guards what follows: one reload at a time
	asked  time.Time  // when the source was last read
	failed bool       // whether that failed
	forget func(gone []string)
}

// NewKeyring reads one or more PEM blocks (PKCS#8 or SEC 1), or base64 of them. The
// first key signs; all verify.
func NewKeyring(text string) (*Keyring, error) {
	state, err := parseKeys(text)
	if err != nil {
		return nil, err
	}
	r := &Keyring{}
	r.state.Store(state)
	return r, nil
}

// GenerateKey returns a new P-256 private key as a PKCS#8 PEM block, and its kid.
func GenerateKey() (block, kid string, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", "", err
	}
	k, err := newKey(private)
	if err != nil {
		return "", "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), k.kid, nil
}

// Public lists the keys for the JWKS, the signing one first.
func (r *Keyring) Public() []PublicKey { return r.state.Load().public }

// Derive returns 32 secret bytes for another purpose, from the key that signs now. A server that starts
// when another key signs gets others: what several servers share is in internal/sharedkey.
func (r *Keyring) Derive(purpose string) []byte { return r.state.Load().signer.derive(purpose) }

// DerivedKey is what one key of a ring gives for another purpose.
type DerivedKey struct {
	ID    string // of the signing key
	Bytes []byte // 32
}

// DeriveEach returns 32 secret bytes for another purpose from each key of the ring.
func (r *Keyring) DeriveEach(purpose string) []DerivedKey {
	state := r.state.Load()
	list := make([]DerivedKey, 0, len(state.public))
	for _, p := range state.public {
		list = append(list, DerivedKey{ID: p.ID, Bytes: state.byID[p.ID].derive(purpose)})
	}
	return list
}

func (k *key) derive(purpose string) []byte {
	secret, err := k.private.Bytes()
	if err != nil {
		panic("P-256 key without a scalar: " + err.Error()) // newKey admits none
	}
	derived, err := hkdf.Key(sha256.New, secret, nil, "latchkey "+purpose, 32)
	if err != nil {
		panic("hkdf: " + err.Error()) // only for lengths that we do not ask for
	}
	return derived
}

func parseKeys(text string) (*keys, error) {
	blocks, err := splitBlocks(text)
	if err != nil {
		return nil, err
	}
	return keysOf(blocks)
}

// keysOf makes the key state of a file's blocks, in their order.
func keysOf(blocks []block) (*keys, error) {
	state := &keys{byID: map[string]*key{}}
	for n, block := range blocks {
		k, err := parseKey(block.pem)
		if err != nil {
			return nil, fmt.Errorf("block %d: %w", n+1, err)
		}
		if state.byID[k.kid] != nil {
			return nil, fmt.Errorf("block %d: the same key stands there twice", n+1)
		}
		if state.signer == nil {
			state.signer = k
		}
		state.byID[k.kid] = k
		state.public = append(state.public, k.public)
	}
	return state, nil
}

func parseKey(block *pem.Block) (*key, error) {
	var parsed any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		parsed, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		parsed, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		return nil, fmt.Errorf("want a private key, found %q", block.Type)
	}
	if err != nil {
		return nil, errors.New("the private key cannot be read") // the parser's text may hold key material
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P256() {
		return nil, errors.New("ES256 needs a key on P-256")
	}
	return newKey(private)
}

func newKey(private *ecdsa.PrivateKey) (*key, error) {
	public, err := jwk.FromRaw(private.Public())
	if err != nil {
		return nil, err
	}
	sum, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, err
	}
	ec, ok := public.(jwk.ECDSAPublicKey)
	if !ok {
		return nil, errors.New("not an EC key")
	}
	k := &key{kid: base64.RawURLEncoding.EncodeToString(sum), private: private}
	k.public = PublicKey{
		KeyType: "EC", Curve: "P-256", ID: k.kid, Algorithm: "ES256", Use: "sig",
		X: base64.RawURLEncoding.EncodeToString(ec.X()), Y: base64.RawURLEncoding.EncodeToString(ec.Y()),
	}
	return k, nil
}
