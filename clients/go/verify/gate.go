package verify

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"math/big"
	"regexp"
	"time"

	"github.com/latchkey-auth/latchkey/clients/go/internal/jose"
	"github.com/latchkey-auth/latchkey/clients/go/internal/strictjson"
	"github.com/latchkey-auth/latchkey/clients/go/internal/userid"
)

const (
	maxToken  = 4096            // bytes; longer is refused before it is looked at
	clockSkew = 2 * time.Minute // by which the server's clock may be ahead of ours
	maxNumber = 1 << 53         // the largest integer that JSON keeps exact, plus one
	maxTime   = 1 << 33         // seconds; the year 2242
)

// One object of plain members, and room for what operators add.
var tokenLimits = strictjson.Limits{Depth: 4, Members: 128, Text: 2048, KeepNumbers: true}

var (
	keyID  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	uuidOf = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
)

// Claims is what an access token says.
type Claims struct {
	// Subject is the user's id: the `id` of the API's User, as text. Compare it as text: it may be a
	// number, a UUID or anything of A-Z, a-z, 0-9, _ and - (LATCHKEY_USER_IDS of the server).
	Subject string
	// SessionID names the sign-in, over all of its refreshes. It is no credential.
	SessionID string
	// Generation counts the refreshes of the session.
	Generation int64
	// ID is the token's own jti.
	ID string
	// IssuedAt and ExpiresAt are the token's, in UTC.
	IssuedAt, ExpiresAt time.Time
	// TenantID is the person's primary tenant when the token was issued, as a UUID; empty
	// where there was none.
	TenantID string
	// AuthTime is when the user last proved who they are, in UTC: at sign-in, or again later.
	// It is zero where no proof is known, as right after a sign-up.
	AuthTime time.Time
	// AMR is how they did over the whole session, in the words of RFC 8176: "pwd", "otp",
	// "sms", "swk", "user", and "mfa" where a second factor was shown, or a passkey that is
	// both. The age of a single method is not known: see AuthTime for the last one.
	AMR []string
	// Extra holds the operator's own claims, numbers as [json.Number]; nil where there are
	// none.
	Extra map[string]any
}

// ours are the claims that have a place of their own in Claims, or say nothing more.
var ours = []string{"amr", "aud", "auth_time", "exp", "gen", "iat", "iss", "jti", "sid", "sub", "tenant_id", "token_use"}

// gate checks everything but the clock. Security: the order matters. Shape and length
// first, then a header of exactly three members, the key from our own record (its
// algorithm is ES256 whatever a header says), the signature over the very bytes that were
// sent, and only then the claims. internal/token has the same gate for the server, next
// to its private keys; TestGate_agreesWithTheServer keeps the two equal.
func (v *Verifier) gate(ctx context.Context, compact string) (Claims, error) {
	parts, ok := jose.Split(compact, maxToken)
	if !ok || len(parts.Signature) != jose.ES256Size {
		return Claims{}, ErrInvalid
	}
	kid, ok := keyIDOf(parts.Header)
	if !ok {
		return Claims{}, ErrInvalid
	}
	key, err := v.keys.find(ctx, kid)
	if err != nil {
		return Claims{}, err
	}

	sum := sha256.Sum256(parts.Signed)
	// ecdsa.Verify refuses halves outside 1..n-1 (TestTJWT_corpus, rows 08).
	r, s := new(big.Int).SetBytes(parts.Signature[:32]), new(big.Int).SetBytes(parts.Signature[32:])
	if !ecdsa.Verify(key, sum[:], r, s) {
		return Claims{}, ErrInvalid
	}

	return v.claims(parts.Claims)
}

// keyIDOf reads a header that has exactly our three members.
func keyIDOf(header []byte) (string, bool) {
	h, err := strictjson.Object(header, tokenLimits)
	if err != nil || len(h) != 3 || h["alg"] != "ES256" || h["typ"] != "at+jwt" {
		return "", false
	}
	kid, _ := h["kid"].(string)
	return kid, keyID.MatchString(kid)
}

func (v *Verifier) claims(data []byte) (Claims, error) {
	o, err := strictjson.Object(data, tokenLimits)
	if err != nil || o["token_use"] != "access" || o["iss"] != v.issuer || o["aud"] != v.audience {
		return Claims{}, ErrInvalid
	}
	issuedAt, expiresAt, ok1 := lifetime(o)
	gen, ok2 := jose.Integer(o["gen"], maxNumber)
	sub, ok3 := subject(o["sub"])
	sid, ok4 := sessionID(o["sid"])
	tenant, ok5 := tenantID(o)
	jti, ok6 := o["jti"].(string)
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !ok6 || jti == "" {
		return Claims{}, ErrInvalid
	}

	authTime, amr := proof(o)
	for _, name := range ours {
		delete(o, name)
	}
	if len(o) == 0 {
		o = nil
	}
	return Claims{
		Subject: sub, SessionID: sid, Generation: gen, ID: jti, TenantID: tenant, AuthTime: authTime, AMR: amr, Extra: o,
		IssuedAt: issuedAt, ExpiresAt: expiresAt,
	}, nil
}

// lifetime reads iat and exp. A token with nbf is none of Latchkey's.
func lifetime(claims map[string]any) (issuedAt, expiresAt time.Time, ok bool) {
	exp, ok1 := jose.Integer(claims["exp"], maxTime)
	iat, ok2 := jose.Integer(claims["iat"], maxTime)
	_, notBefore := claims["nbf"]

	return time.Unix(iat, 0).UTC(), time.Unix(exp, 0).UTC(), ok1 && ok2 && !notBefore && iat < exp
}

// proof reads auth_time and amr. What is not as Latchkey writes it counts as absent, so that
// a handler which asks for a recent proof refuses.
func proof(claims map[string]any) (at time.Time, amr []string) {
	if seconds, ok := jose.Integer(claims["auth_time"], maxTime); ok {
		at = time.Unix(seconds, 0).UTC()
	}

	list, _ := claims["amr"].([]any)
	for _, value := range list {
		if method, ok := value.(string); ok {
			amr = append(amr, method)
		}
	}

	return at, amr
}

func subject(value any) (string, bool) {
	s, _ := value.(string)
	return s, userid.Valid(s)
}

func sessionID(value any) (string, bool) {
	s, _ := value.(string)
	b, ok := jose.Decode(s)
	return s, ok && len(b) == 16
}

func tenantID(claims map[string]any) (string, bool) {
	value, present := claims["tenant_id"]
	if !present {
		return "", true
	}
	s, _ := value.(string)
	return s, uuidOf.MatchString(s)
}
