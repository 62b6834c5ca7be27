package provider

import (
	"context"
	"crypto/sha256"
	"time"
)

// Token is an id_token that somebody brings.
type Token struct {
	Provider, ClientID, IDToken string
	// Nonce is the raw nonce that the token must show; empty: not compared here.
	Nonce string
}

// Identity is what a provider says about a person.
type Identity struct {
	// Provider and UID are who it is. No address is part of that: addresses change hands.
	Provider, UID string
	// ClientID is the app that the token was made for.
	ClientID string
	Email    string
	// EmailVerified: the provider says that the person has shown the address to be theirs.
	EmailVerified bool
	// Authoritative: and the provider is the one to know, so that it may link (SEC-72).
	Authoritative bool
	// The names are at most 150 characters each, and untrusted.
	GivenName, FamilyName, Name string
	// Digest knows the token again. After ExpiresAt no server takes it any more (SEC-71).
	Digest    []byte
	ExpiresAt time.Time
	// IssuedAt is when the provider made the token.
	IssuedAt time.Time
	// Nonce is as in the token: see MatchesNonce.
	HasNonce bool
	Nonce    string
}

// Verify checks an id_token. The errors are ErrInvalidToken, ErrTokenTooOld, ErrUnknownClient
// and ErrUnavailable; Reason has more to say for the log.
//
// Security: the order matters. Shape and header first, then the provider's own key (its
// algorithm is the key's, whatever a header says), the signature over the very bytes that
// were sent, and only then the claims. jwx sees nothing but a key, bytes and a signature:
// it takes more tokens for well-formed than we do (TestTIDT_forgedTokens).
//
// It does not know whether the token was brought before, nor which nonces are out: the
// caller keeps Digest and looks for Nonce.
func (p *Providers) Verify(ctx context.Context, t Token) (Identity, error) {
	app, ok := p.Find(t.Provider, t.ClientID)
	if !ok || t.ClientID == "" {
		return Identity{}, ErrUnknownClient
	}

	o, ok := open(t.IDToken)
	if !ok {
		return Identity{}, refuse(reasonShape)
	}

	k, err := app.keyOf(ctx, o)
	if err != nil {
		return Identity{}, err
	}

	if app.template != nil && !app.template.takesKey(k, o.claims) {
		return Identity{}, refuse(reasonTenantKey)
	}

	id, err := app.identity(o.claims, p.now())
	if err != nil {
		return Identity{}, err
	}

	if t.Nonce != "" && !MatchesNonce(id.Nonce, t.Nonce) {
		return Identity{}, refuse(reasonOtherNonce)
	}

	// Security: not of the whole token. An ES256 signature has a second form that anybody can
	// make, and the token would be new in it (TestSEC71_digestIsThatOfWhatWasSigned).
	sum := sha256.Sum256(o.signed)
	id.Digest = sum[:]

	return id, nil
}

// keyOf returns the provider's key that has signed a token.
func (p *Provider) keyOf(ctx context.Context, o opened) (key, error) {
	isOdd := o.kid == "" || o.foreign // Apple and Google always name the key, and write nothing else
	if isOdd && p.Kind != OpenIDConnect {
		return key{}, refuse(reasonShape)
	}

	if !p.takes(o.alg) {
		return key{}, refuse(reasonAlgorithm)
	}

	k, err := p.keys.find(ctx, o.kid)
	if err != nil {
		return key{}, err
	}

	if k.verifies(o) {
		return k, nil
	}

	if o.kid != "" {
		return key{}, refuse(reasonSignature)
	}

	// The only key may be another by now, which a token without kid cannot say.
	if k, err = p.keys.findAgain(ctx); err != nil {
		return key{}, err
	}

	if !k.verifies(o) {
		return key{}, refuse(reasonSignature)
	}

	return k, nil
}

// LockName is what the transactions lock that connect or disconnect an identity of a provider.
func LockName(id, uid string) string { return "provider " + id + " " + uid }

// takes reports whether a key of the provider could have this algorithm at all: if not,
// its keys need not be asked for.
func (p *Provider) takes(alg string) bool {
	_, known := verifiers[alg]
	return known && (p.Kind == OpenIDConnect || alg == pinnedAlg)
}
