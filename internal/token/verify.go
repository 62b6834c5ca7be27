package token

import (
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/google/uuid"
	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/latchkey-auth/latchkey/internal/jose"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/strictjson"
	"github.com/latchkey-auth/latchkey/internal/userid"
)

// ErrInvalid is every way in which a token is refused: a caller never learns which,
// and a client neither.
var ErrInvalid = errors.New("invalid token")

// Why a token is refused, for the log alone.
var (
	errMalformed  = refusal("token_malformed")
	errUnknownKey = refusal("token_of_unknown_key")
	errSignature  = refusal("token_signature")
	errOtherUse   = refusal("token_of_other_use")
	errIssuer     = refusal("token_of_other_issuer")
	errAudience   = refusal("token_for_other_audience")
	errClaims     = refusal("token_claims")
	errExpired    = refusal("token_expired")
	errFuture     = refusal("token_from_the_future")
	errLifetime   = refusal("token_lifetime")
)

// refusal is ErrInvalid with a reason.
func refusal(why problem.Reason) error { return fmt.Errorf("%w: %w", ErrInvalid, why) }

const (
	maxToken  = 4096            // bytes; longer is refused before it is looked at
	clockSkew = 2 * time.Minute // by which the server that signed may have been ahead of this one
	maxNumber = 1 << 53         // the largest integer that JSON keeps exact, plus one
	maxTime   = 1 << 33         // seconds; the year 2242
)

// One object of plain members, and room for what operators add.
var tokenLimits = strictjson.Limits{Depth: 4, Members: 128, Text: 2048, KeepNumbers: true}

var keyID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Verifier checks tokens.
type Verifier struct {
	ring     *Keyring
	settings Settings
	verifier jws.Verifier
	verified *verified
}

// NewVerifier returns a verifier for the keys of ring.
func NewVerifier(ring *Keyring, settings Settings) (*Verifier, error) {
	v, err := jws.NewVerifier(jwa.ES256)
	if err != nil {
		return nil, err
	}
	known, err := newVerified()
	if err != nil {
		return nil, err
	}
	ring.forget = known.forget
	return &Verifier{ring: ring, settings: settings, verifier: v, verified: known}, nil
}

// Access checks an access token at the time now (SEC-03 to SEC-10). It says nothing
// about the session.
func (v *Verifier) Access(compact string, now time.Time) (Claims, error) {
	c, err := v.access(compact)
	if err != nil {
		return Claims{}, err
	}
	lifetime := time.Duration(v.settings.AccessExpiresIn) * time.Second

	switch {
	case !now.Before(c.ExpiresAt):
		return Claims{}, errExpired
	case c.IssuedAt.After(now.Add(clockSkew)):
		return Claims{}, errFuture
	case c.ExpiresAt.Sub(c.IssuedAt) > lifetime:
		return Claims{}, errLifetime
	}

	return c, nil
}

// Former checks an access token that may have expired, at most longest before now, or may have been issued
// under a former issuer. It is good for ending its session, and for nothing else.
func (v *Verifier) Former(compact string, now time.Time, longest time.Duration) (Claims, error) {
	c, err := v.access(compact)
	for _, issuer := range v.settings.FormerIssuers {
		if !errors.Is(err, ErrInvalid) {
			break
		}
		c, err = v.issuedBy(issuer, compact)
	}
	if err != nil {
		return Claims{}, err
	}
	if !now.Before(c.ExpiresAt.Add(longest)) {
		return Claims{}, errExpired
	}
	if c.IssuedAt.After(now.Add(clockSkew)) {
		return Claims{}, errFuture
	}

	return c, nil
}

// issuedBy checks an access token of another issuer.
func (v *Verifier) issuedBy(issuer, compact string) (Claims, error) {
	other := Verifier{ring: v.ring, settings: v.settings, verifier: v.verifier}
	other.settings.Issuer = issuer
	c, _, err := other.verify(compact, Access)

	return c, err
}

// access is verify with a memory for signatures. Everything else is compared again at
// every use, and so is whether the key is still ours.
func (v *Verifier) access(compact string) (Claims, error) {
	if len(compact) > maxToken {
		return Claims{}, errMalformed
	}
	if c, known := v.recall(compact, Access); known {
		return c, nil
	}
	c, kid, err := v.verify(compact, Access)
	if err != nil {
		return Claims{}, err
	}
	v.verified.add(compact, remember(kid, v.settings, Access, c))
	return c, nil
}

// recall returns what is remembered of a token. Security: whether its key, its use, its issuer and its audience are
// still good is compared again (TestSEC14_removedKeyVerifiesNoMore, TestVerify_ofWhatWasSignedHere).
func (v *Verifier) recall(compact string, use Use) (Claims, bool) {
	if v.verified == nil || len(compact) > maxToken {
		return Claims{}, false
	}
	t, hit := v.verified.get(compact)
	isGood := hit && t.use == use && t.issuer == v.settings.Issuer && t.audience == v.settings.audience(use) &&
		v.ring.state.Load().byID[t.kid] != nil
	if !isGood {
		return Claims{}, false
	}

	return t.claims(), true
}

// Refresh checks a refresh token. Its exp and iat are not compared with the clock: the
// session's row decides, so that a predecessor may be replayed (docs/promise.md).
func (v *Verifier) Refresh(compact string) (Claims, error) {
	if c, known := v.recall(compact, Refresh); known {
		return c, nil
	}
	c, _, err := v.verify(compact, Refresh)
	return c, err
}

// verify is the gate. Security: the order matters. Shape and length first (SEC-03),
// then a header of exactly our three members (SEC-04, SEC-05), the key from our own
// record, the signature over the very bytes that were sent, and only then the claims.
// jwx accepts re-encoded, differently typed and critical-extended tokens, which is why
// it only ever sees bytes that passed here (TestTJWT_corpus).
//
// It also returns the key's id. An error other than ErrInvalid means that the keys could
// not be read.
func (v *Verifier) verify(compact string, use Use) (c Claims, kid string, err error) {
	parts, ok := jose.Split(compact, maxToken)
	if !ok || !jose.InRange(parts.Signature) {
		return Claims{}, "", errMalformed
	}

	k, err := v.key(parts.Header, use)
	if err != nil {
		return Claims{}, "", err
	}
	if v.verifier.Verify(parts.Signed, parts.Signature, &k.private.PublicKey) != nil {
		return Claims{}, "", errSignature
	}

	c, err = v.claims(parts.Claims, use)

	return c, k.kid, err
}

// key returns our key for the header, and ErrInvalid when it is not exactly one of ours.
func (v *Verifier) key(header []byte, use Use) (*key, error) {
	h, err := strictjson.Object(header, tokenLimits)
	if err != nil || len(h) != 3 || h["alg"] != "ES256" {
		return nil, errMalformed
	}
	if h["typ"] != use.typ() {
		return nil, errOtherUse
	}
	kid, _ := h["kid"].(string)
	if !keyID.MatchString(kid) {
		return nil, errMalformed
	}
	k, err := v.ring.find(kid)
	if err == nil && k == nil {
		err = errUnknownKey
	}
	return k, err
}

func (v *Verifier) claims(data []byte, use Use) (Claims, error) {
	o, err := strictjson.Object(data, tokenLimits)
	switch {
	case err != nil:
		return Claims{}, errMalformed
	case o["token_use"] != string(use):
		return Claims{}, errOtherUse
	case !v.settings.issued(o["iss"], use):
		return Claims{}, errIssuer
	case !v.settings.accepts(o["aud"], use):
		return Claims{}, errAudience
	}

	var c Claims
	exp, ok1 := jose.Integer(o["exp"], maxTime)
	iat, ok2 := jose.Integer(o["iat"], maxTime)
	gen, ok3 := jose.Integer(o["gen"], maxNumber)
	sub, ok4 := subject(o["sub"])
	sid, ok5 := sessionID(o["sid"])
	jti, ok6 := o["jti"].(string)
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !ok6 || jti == "" || iat >= exp {
		return Claims{}, errClaims
	}
	if _, present := o["nbf"]; present { // we issue none
		return Claims{}, errClaims
	}
	c = Claims{Subject: sub, SessionID: sid, Generation: gen, ID: jti, IssuedAt: time.Unix(iat, 0).UTC(), ExpiresAt: time.Unix(exp, 0).UTC()}
	return c, nil
}

func subject(value any) (string, bool) {
	s, _ := value.(string)
	return s, userid.Valid(s)
}

func sessionID(value any) (uuid.UUID, bool) {
	s, _ := value.(string)

	return ParseSessionID(s)
}

// FormatSessionID is a session's id as tokens carry it: sid.
func FormatSessionID(id uuid.UUID) string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// ParseSessionID reads a session's id as tokens carry it. It reports false for anything else.
func ParseSessionID(text string) (uuid.UUID, bool) {
	b, ok := jose.Decode(text)
	if !ok || len(b) != 16 {
		return uuid.UUID{}, false
	}
	return uuid.UUID(b), true
}
