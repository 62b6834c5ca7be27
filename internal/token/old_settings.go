package token

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lestrrat-go/jwx/v2/jwa"
)

// OldSettings say how the system that a service moves in from signs its tokens. Without an algorithm
// only our own tokens are accepted.
type OldSettings struct {
	Algorithm string `env:"LATCHKEY_OLD_JWT_ALGORITHM" doc:"HEADLESS_JWT_ALGORITHM of the system that you move in from: RS256, RS384, RS512, ES256, ES384, ES512, HS256, HS384 or HS512. Its tokens are accepted once latchkey import has brought their sessions, until they expire. HS*: whoever has the secret can make tokens; see docs/security.md. Remove the LATCHKEY_OLD_ settings after latchkey moving end. Default: none are accepted."`
	Key       string `env:"LATCHKEY_OLD_JWT_KEY" secret:"true" doc:"What checks the signatures of those tokens: the public key as PEM, or base64 of that. HS*: the secret itself."`
	SessionID string `env:"LATCHKEY_OLD_SID_KEY" secret:"true" doc:"SHA-256 of Django's SECRET_KEY as 64 hexadecimal digits, never the SECRET_KEY itself: it opens the session id in access tokens of that system. Without it they are refused, and clients refresh at once."`
	Rotates   bool   `env:"LATCHKEY_OLD_JWT_ROTATION" default:"true" doc:"HEADLESS_JWT_ROTATE_REFRESH_TOKEN of that system. When false, its clients expect no new refresh token: the old one is answered with access tokens only until it expires, and then its user signs in again."`
}

// oldAlgorithms are what PyJWT names and what we verify.
var oldAlgorithms = []jwa.SignatureAlgorithm{
	jwa.RS256, jwa.RS384, jwa.RS512, jwa.ES256, jwa.ES384, jwa.ES512, jwa.HS256, jwa.HS384, jwa.HS512,
}

const (
	// minOldModulus is the shortest RSA key in bits (RFC 7518, section 3.3).
	minOldModulus = 2048
	// minOldSecret is the shortest secret of HS* in bytes: a shorter one can be guessed from a token.
	minOldSecret = 16
	sidKeyLength = 32
)

// Check reports what is wrong with the settings, all of it.
func (s OldSettings) Check() []error {
	var errs []error
	switch {
	case s.Algorithm == "" && s.Key != "":
		errs = append(errs, errors.New("LATCHKEY_OLD_JWT_ALGORITHM: is needed with LATCHKEY_OLD_JWT_KEY: "+
			"set it to HEADLESS_JWT_ALGORITHM of the system that you move in from"))
	case s.Algorithm == "" && s.SessionID != "":
		errs = append(errs, errors.New("LATCHKEY_OLD_JWT_ALGORITHM: is needed with LATCHKEY_OLD_SID_KEY, and LATCHKEY_OLD_JWT_KEY as well"))
	case s.Algorithm != "":
		if _, err := s.key(); err != nil {
			errs = append(errs, err)
		}
	}
	if _, err := s.sidKey(); err != nil {
		errs = append(errs, err)
	}

	return errs
}

// Warnings are about settings that are right and dangerous.
func (s OldSettings) Warnings() []string {
	if !s.symmetric() {
		return nil
	}

	return []string{"LATCHKEY_OLD_JWT_ALGORITHM is " + s.Algorithm + ": LATCHKEY_OLD_JWT_KEY signs as well as it checks. " +
		"Whoever has it (every server, backup and log of the old system that shows it) and a copy of the old session table can take over every session that has moved in, until the last old token has expired. " +
		"Run `latchkey moving end` and remove the setting as soon as you can"}
}

func (s OldSettings) symmetric() bool { return strings.HasPrefix(s.Algorithm, "HS") }

// key reads the key that checks signatures: *rsa.PublicKey, *ecdsa.PublicKey or []byte.
func (s OldSettings) key() (any, error) {
	if !slices.Contains(oldAlgorithms, jwa.SignatureAlgorithm(s.Algorithm)) {
		return nil, fmt.Errorf("LATCHKEY_OLD_JWT_ALGORITHM: want one of %v", oldAlgorithms)
	}
	if s.Key == "" {
		return nil, errors.New("LATCHKEY_OLD_JWT_KEY: is needed with LATCHKEY_OLD_JWT_ALGORITHM: the public key of " +
			"the system that you move in from (`openssl pkey -in PRIVATE -pubout`); for HS* its secret")
	}
	if s.symmetric() {
		return s.secret()
	}

	return s.publicKey()
}

// secret is the key of HS*.
//
// Security: a public key is no secret. With one as the key of HS*, whoever can read it signs tokens
// (TestOld_theSecretIsNoPublicKey).
func (s OldSettings) secret() ([]byte, error) {
	if looksLikeKey(s.Key) {
		return nil, fmt.Errorf("LATCHKEY_OLD_JWT_KEY: is a PEM key, and %s signs with a secret: "+
			"LATCHKEY_OLD_JWT_ALGORITHM must be that of the old system", s.Algorithm)
	}
	if len(s.Key) < minOldSecret {
		return nil, fmt.Errorf("LATCHKEY_OLD_JWT_KEY: want at least %d bytes: a shorter secret can be guessed "+
			"from one token. Without it users sign in again", minOldSecret)
	}

	return []byte(s.Key), nil
}

// looksLikeKey reports whether a text is PEM, or base64 of that.
func looksLikeKey(text string) bool {
	const begin = "-----BEGIN"
	if strings.Contains(text, begin) {
		return true
	}
	decoded, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))

	return err == nil && strings.Contains(string(decoded), begin)
}

var errPublicKey = errors.New("LATCHKEY_OLD_JWT_KEY: want one public key as PEM, or base64 of that: `openssl pkey -in PRIVATE -pubout` prints it")

func (s OldSettings) publicKey() (any, error) {
	// Files of environments write line ends as two characters.
	blocks, err := splitBlocks(strings.ReplaceAll(s.Key, `\n`, "\n"))
	if err != nil || len(blocks) != 1 {
		return nil, errPublicKey
	}
	public, err := parsePublic(blocks[0].pem)
	if err != nil {
		return nil, err
	}

	switch k := public.(type) {
	case *rsa.PublicKey:
		if !strings.HasPrefix(s.Algorithm, "RS") {
			return nil, fmt.Errorf("LATCHKEY_OLD_JWT_KEY: is an RSA key, and LATCHKEY_OLD_JWT_ALGORITHM is %s", s.Algorithm)
		}
		if k.N.BitLen() < minOldModulus {
			return nil, fmt.Errorf("LATCHKEY_OLD_JWT_KEY: an RSA key of %d bits is too short: want %d", k.N.BitLen(), minOldModulus)
		}
	case *ecdsa.PublicKey:
		if k.Curve != curveOf(s.Algorithm) {
			return nil, fmt.Errorf("LATCHKEY_OLD_JWT_KEY: is a key on %s, and LATCHKEY_OLD_JWT_ALGORITHM is %s", k.Curve.Params().Name, s.Algorithm)
		}
	default:
		return nil, errPublicKey
	}

	return public, nil
}

func parsePublic(block *pem.Block) (any, error) {
	switch block.Type {
	case "PUBLIC KEY":
		if key, err := x509.ParsePKIXPublicKey(block.Bytes); err == nil {
			return key, nil
		}
	case "RSA PUBLIC KEY":
		if key, err := x509.ParsePKCS1PublicKey(block.Bytes); err == nil {
			return key, nil
		}
	case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
		return nil, errors.New("LATCHKEY_OLD_JWT_KEY: is a private key, which has no business here: " +
			"`openssl pkey -in PRIVATE -pubout` prints the public one")
	}

	return nil, errPublicKey
}

// curveOf is the curve of an ES* algorithm (RFC 7518, section 3.4); nil for all others.
func curveOf(algorithm string) elliptic.Curve {
	switch algorithm {
	case "ES256":
		return elliptic.P256()
	case "ES384":
		return elliptic.P384()
	case "ES512":
		return elliptic.P521()
	}

	return nil
}

// sidKey is the key of session ids; nil where the settings name none.
func (s OldSettings) sidKey() ([]byte, error) {
	if s.SessionID == "" {
		return nil, nil
	}
	key, err := hex.DecodeString(s.SessionID)
	if err != nil || len(key) != sidKeyLength {
		return nil, errors.New("LATCHKEY_OLD_SID_KEY: want 64 hexadecimal digits, the SHA-256 of Django's SECRET_KEY: `manage.py latchkey_settings` prints it")
	}

	return key, nil
}
