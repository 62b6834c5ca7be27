package foreignhash

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"slices"
	"strings"

	"golang.org/x/crypto/scrypt"
)

// firebaseHash is Firebase's own scrypt: the project's signer key, encrypted with a key that scrypt derives
// from the password.
type firebaseHash struct {
	costs     scryptCosts
	salt      []byte
	separator []byte
	signer    []byte
	tag       []byte
}

func (h firebaseHash) Kind() string { return "fbscrypt$" + h.costs.String() }

func (h firebaseHash) Decoy() Hash {
	h.salt, h.tag = make([]byte, len(h.salt)), make([]byte, len(h.tag))
	h.signer = make([]byte, len(h.signer))

	return h
}

func (h firebaseHash) Matches(password string) bool {
	const keyBytes = 32
	salt := slices.Concat(h.salt, h.separator)
	key, err := scrypt.Key([]byte(password), salt, h.costs.n, h.costs.r, h.costs.p, keyBytes)
	if err != nil {
		return false
	}

	block, err := aes.NewCipher(key)
	if err != nil {
		return false
	}

	tag := make([]byte, len(h.signer))
	cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(tag, h.signer) //nolint:gosec // G407: it is what Firebase does

	return subtle.ConstantTimeCompare(tag, h.tag) == 1
}

// readFirebase reads GoTrue's $fbscrypt$v=1,n=14,r=8,p=1,ss=separator,sk=signer$salt$tag. n is the binary
// logarithm of N. Without sk the signer key is the one of Keys.
func readFirebase(rest string, keys Keys) (Hash, error) {
	parts := strings.Split(rest, "$")
	if len(parts) != 3 {
		return nil, ErrUnreadable
	}

	names := []string{"v", "n", "r", "p", "ss"}
	hasSigner := strings.Contains(parts[0], ",sk=")
	if hasSigner {
		names = append(names, "sk")
	}
	values, err := costs(parts[0], names...)
	if err != nil || values[0] != "1" {
		return nil, ErrUnreadable
	}

	signer := ""
	if hasSigner {
		signer = values[5]
	}

	return newFirebase(firebaseTexts{costs: values[1:4], salt: parts[1], tag: parts[2], separator: values[4], signer: signer}, keys)
}

// readKratosFirebase reads $firescrypt$ln=,r=,p=$salt$tag$separator$signer.
func readKratosFirebase(rest string, keys Keys) (Hash, error) {
	parts := strings.Split(rest, "$")
	if len(parts) != 5 {
		return nil, ErrUnreadable
	}

	values, err := costs(parts[0], "ln", "r", "p")
	if err != nil {
		return nil, err
	}

	return newFirebase(firebaseTexts{costs: values, salt: parts[1], tag: parts[2], separator: parts[3], signer: parts[4]}, keys)
}

// firebaseTexts are the parts of a hash. The signer is empty where it stands in a setting.
type firebaseTexts struct {
	costs                        []string
	salt, tag, separator, signer string
}

func newFirebase(t firebaseTexts, keys Keys) (Hash, error) {
	c, err := readLogCosts(t.costs[0], t.costs[1], t.costs[2])
	if err != nil {
		return nil, err
	}
	salt, tag, err := decodeBoth(t.salt, t.tag)
	if err != nil {
		return nil, err
	}
	separator, err := decodeSalt(t.separator)
	if err != nil {
		return nil, err
	}

	signer := keys.FirebaseSigner
	if t.signer != "" {
		if signer, err = decode(t.signer); err != nil {
			return nil, err
		}
	}
	if len(signer) == 0 {
		return nil, ErrKey
	}
	if len(signer) != len(tag) {
		return nil, ErrUnreadable
	}

	return firebaseHash{costs: c, salt: salt, separator: separator, signer: signer, tag: tag}, nil
}
