package foreignhash

import (
	"crypto/aes"
	"crypto/cipher"
	"slices"
	"strings"
)

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

// firebaseTexts are the parts of a hash. The signer is empty where a setting has it.
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

	return derivedHash{kind: "fbscrypt$" + c.String(), salt: salt, tag: tag, derive: encryptSigner(c, separator, signer)}, nil
}

// encryptSigner is Firebase's own use of scrypt: the tag is the project's signer key, encrypted with a key
// that is derived from the password.
func encryptSigner(c scryptCosts, separator, signer []byte) func(string, []byte, int) []byte {
	return func(password string, salt []byte, _ int) []byte {
		const keyBytes = 32
		block, err := aes.NewCipher(c.derive(password, slices.Concat(salt, separator), keyBytes))
		if err != nil {
			return nil
		}

		tag := make([]byte, len(signer))
		cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(tag, signer) //nolint:gosec // G407: it is what Firebase does

		return tag
	}
}
