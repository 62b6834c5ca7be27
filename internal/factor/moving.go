package factor

import (
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// KeyAlgorithm is the COSE algorithm of a public key, 0 where it cannot be read. usable reports whether keys of
// that algorithm and length sign in here.
func KeyAlgorithm(cose []byte) (algorithm int64, usable bool) {
	key, err := webauthncose.ParsePublicKey(cose)
	if err != nil {
		return 0, false
	}

	switch k := key.(type) {
	case webauthncose.EC2PublicKeyData:
		algorithm = k.Algorithm
	case webauthncose.OKPPublicKeyData:
		algorithm = k.Algorithm
	case webauthncose.RSAPublicKeyData:
		algorithm = k.Algorithm
	}

	return algorithm, checkKey(cose) == nil
}
