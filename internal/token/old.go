package token

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"fmt"
	"regexp"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/latchkey-auth/latchkey/internal/jose"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/secret"
	"github.com/latchkey-auth/latchkey/internal/strictjson"
)

// Why a token of the other system is refused, for the log alone.
const (
	// OldForeign: it is no token of that system.
	OldForeign = problem.Reason("old_token_foreign")
	// OldSignature: its signature is not that system's.
	OldSignature = problem.Reason("old_token_signature")
	// OldClaims: what it says cannot be read.
	OldClaims = problem.Reason("old_token_claims")
	// OldExpired: it has expired.
	OldExpired = problem.Reason("old_token_expired")
	// OldUnknown: no session that moved in has it.
	OldUnknown = problem.Reason("old_token_unknown")
)

// RefuseOld is ErrInvalid with a reason.
func RefuseOld(why problem.Reason) error { return fmt.Errorf("%w: %w", ErrInvalid, why) }

// Old is what a token of the other system says.
type Old struct {
	Subject   string
	IssuedAt  time.Time
	ExpiresAt time.Time
	// IDHash is SHA-256 of jti.
	IDHash []byte
	// sid is the sealed key of the session at the other system.
	sid string
}

// OldVerifier checks tokens of the system that a service moves in from.
type OldVerifier struct {
	algorithm string
	kid       string // empty for HS*
	key       any
	verifier  jws.Verifier
	sids      cipher.Block // nil where the settings name no key for session ids
	lifetime  time.Duration
	// Rotates: clients of the other system expect a new refresh token with each refresh.
	Rotates bool
}

// NewOldVerifier returns a verifier for the other system, and nil where the settings name none. An
// access token lives as long as one of ours at most.
func NewOldVerifier(s OldSettings, ours Settings) (*OldVerifier, error) {
	if s.Algorithm == "" {
		return nil, nil
	}
	key, err := s.key()
	if err != nil {
		return nil, err
	}
	v := &OldVerifier{
		algorithm: s.Algorithm, key: key, Rotates: s.Rotates,
		lifetime: time.Duration(ours.AccessExpiresIn) * time.Second,
	}
	if v.verifier, err = jws.NewVerifier(jwa.SignatureAlgorithm(s.Algorithm)); err != nil {
		return nil, err
	}
	if !s.symmetric() {
		if v.kid, err = thumbprint(key); err != nil {
			return nil, err
		}
	}

	sidKey, err := s.sidKey()
	if err != nil || sidKey == nil {
		return v, err
	}
	v.sids, err = aes.NewCipher(sidKey)

	return v, err
}

// thumbprint is that of RFC 7638, which allauth names its key by.
func thumbprint(public any) (string, error) {
	key, err := jwk.FromRaw(public)
	if err != nil {
		return "", err
	}
	sum, err := key.Thumbprint(crypto.SHA256)

	return base64.RawURLEncoding.EncodeToString(sum), err
}

// Refresh checks a refresh token of the other system. Its exp is not compared with the clock: whether
// it was spent before decides what that means.
func (v *OldVerifier) Refresh(compact string) (Old, error) {
	return v.verify(compact, Refresh)
}

// Access checks an access token of the other system at the time now, and returns the hash of the
// session token of its session. It lives no longer than one of ours.
func (v *OldVerifier) Access(compact string, now time.Time) (Old, []byte, error) {
	claims, hash, err := v.Former(compact)

	switch {
	case err != nil:
		return Old{}, nil, err
	case !now.Before(claims.ExpiresAt):
		return Old{}, nil, RefuseOld(OldExpired)
	case claims.ExpiresAt.Sub(claims.IssuedAt) > v.lifetime:
		return Old{}, nil, RefuseOld(OldClaims)
	}

	return claims, hash, nil
}

// IssuedBy reports whether a token was issued before a moment. A server of the other system that still
// runs after the flip makes tokens of sessions that it should have left alone.
func (o Old) IssuedBy(moment time.Time) bool { return !o.IssuedAt.After(moment.Add(clockSkew)) }

// Former checks an access token of the other system that may have expired: good for ending its session,
// and for nothing else.
func (v *OldVerifier) Former(compact string) (Old, []byte, error) {
	claims, err := v.verify(compact, Access)
	if err != nil {
		return Old{}, nil, err
	}
	if v.sids == nil {
		return Old{}, nil, RefuseOld(OldForeign)
	}
	key, ok := v.sessionKey(claims.sid)
	if !ok {
		return Old{}, nil, RefuseOld(OldClaims)
	}

	return claims, secret.Hash(key), nil
}

// verify is the gate for tokens of the other system. Security: the same order as for ours, and the
// algorithm is the one of the settings, whatever the token says (TestOld_forgeries).
func (v *OldVerifier) verify(compact string, use Use) (Old, error) {
	parts, ok := jose.Split(compact, maxToken)
	if !ok || !v.signs(parts.Header) {
		return Old{}, RefuseOld(OldForeign)
	}
	if v.verifier.Verify(parts.Signed, parts.Signature, v.key) != nil {
		return Old{}, RefuseOld(OldSignature)
	}

	return readOld(parts.Claims, use)
}

// signs reports whether a header is one that the other system writes: the algorithm, typ, its key's
// name where it has one, and nothing else.
func (v *OldVerifier) signs(header []byte) bool {
	h, err := strictjson.Object(header, tokenLimits)
	if err != nil || h["alg"] != v.algorithm {
		return false
	}
	delete(h, "alg")

	if typ, present := h["typ"]; present && typ != "JWT" {
		return false
	}
	delete(h, "typ")

	if v.kid != "" && h["kid"] != v.kid {
		return false
	}
	if v.kid != "" {
		delete(h, "kid")
	}

	return len(h) == 0
}

const maxOldText = 256 // characters of jti, sub and sid

func readOld(data []byte, use Use) (Old, error) {
	o, err := strictjson.Object(data, tokenLimits)
	if err != nil || o["token_use"] != string(use) {
		return Old{}, RefuseOld(OldClaims)
	}
	exp, ok1 := jose.Integer(o["exp"], maxTime)
	iat, ok2 := jose.Integer(o["iat"], maxTime)
	sub, ok3 := oldText(o["sub"])
	sid, ok4 := oldText(o["sid"])
	jti, ok5 := oldText(o["jti"])
	_, notBefore := o["nbf"] // that system writes none
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || notBefore || iat >= exp {
		return Old{}, RefuseOld(OldClaims)
	}

	return Old{
		Subject: sub, IssuedAt: time.Unix(iat, 0).UTC(), ExpiresAt: time.Unix(exp, 0).UTC(),
		IDHash: secret.Hash(jti), sid: sid,
	}, nil
}

func oldText(value any) (string, bool) {
	s, _ := value.(string)

	return s, s != "" && len(s) <= maxOldText
}

// sessionKeys are what Django's session keys look like.
var sessionKeys = regexp.MustCompile(`^[a-z0-9]{32}$`)

// sessionKey opens a sid: base64 of an IV and of the session key under AES-256-CTR.
func (v *OldVerifier) sessionKey(sid string) (string, bool) {
	sealed, err := base64.StdEncoding.Strict().DecodeString(sid)
	if err != nil || len(sealed) <= aes.BlockSize {
		return "", false
	}
	key := make([]byte, len(sealed)-aes.BlockSize)
	cipher.NewCTR(v.sids, sealed[:aes.BlockSize]).XORKeyStream(key, sealed[aes.BlockSize:])

	return string(key), sessionKeys.Match(key)
}
