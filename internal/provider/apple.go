package provider

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/latchkey-auth/latchkey/internal/strictjson"
)

const (
	appleIssuer  = "https://appleid.apple.com"
	secretLives  = 5 * time.Minute
	maxCode      = 2048 // bytes of a code or a refresh token
	invalidGrant = "invalid_grant"
)

// oauthErrors are the errors of RFC 6749 that may stand in a log: an answer's own text may
// repeat what we sent.
var oauthErrors = []string{"invalid_request", "invalid_client", invalidGrant, "unauthorized_client", "unsupported_grant_type", "invalid_scope", "unsupported_token_type"}

// Code is an authorization code that an app got together with an id_token.
type Code struct {
	Provider, ClientID, Code string
	// UID is whose it must be.
	UID string
}

// ExchangeCode turns a code into a refresh token, which Revoke takes. A code is good once.
// The errors are ErrInvalidCode, ErrUnknownClient and ErrUnavailable.
//
// Security: a code of somebody else is refused, or the deletion of one account would
// revoke another person's (TestExchangeCode_refusesTheCodeOfAnotherPerson).
func (p *Providers) ExchangeCode(ctx context.Context, c Code) (refreshToken string, err error) {
	app, err := p.signing(c.Provider, c.ClientID)
	if err != nil {
		return "", err
	}

	if c.Code == "" || len(c.Code) > maxCode {
		return "", ErrInvalidCode
	}

	o, err := p.ask(ctx, app, app.tokenURL, c.ClientID, url.Values{"grant_type": {"authorization_code"}, "code": {c.Code}})
	if err != nil {
		return "", err
	}

	if o["error"] == invalidGrant {
		return "", ErrInvalidCode
	}

	refreshToken, _ = o["refresh_token"].(string)
	compact, _ := o["id_token"].(string)

	if refreshToken == "" || len(refreshToken) > maxCode {
		return "", fmt.Errorf("%w: its answer holds no refresh token", ErrUnavailable)
	}

	if subtle.ConstantTimeCompare([]byte(subjectOf(compact)), []byte(c.UID)) != 1 || c.UID == "" {
		return "", ErrInvalidCode
	}

	return refreshToken, nil
}

// subjectOf reads a token that came from the provider itself, over TLS: that stands for its
// signature (OpenID Connect Core, section 3.1.3.7).
func subjectOf(compact string) string {
	o, ok := open(compact)
	if !ok || o.foreign {
		return ""
	}

	claims, err := strictjson.Object(o.claims, tokenLimits)
	if err != nil {
		return ""
	}

	sub, _ := claims["sub"].(string)

	return sub
}

// Revoke ends a refresh token and with it what the person has allowed the app. A token
// that is no longer good is done too. Any error but ErrUnknownClient may pass with time.
func (p *Providers) Revoke(ctx context.Context, provider, clientID, refreshToken string) error {
	app, err := p.signing(provider, clientID)
	if err != nil {
		return err
	}

	_, err = p.ask(ctx, app, app.revokeURL, clientID, url.Values{"token": {refreshToken}, "token_type_hint": {"refresh_token"}})

	return err
}

// signing finds an app that can speak for itself. The client id is one of its own, and not
// several: Apple binds codes and tokens to it.
func (p *Providers) signing(id, clientID string) (*Provider, error) {
	app, ok := p.Find(id, clientID)
	if !ok || !app.CanRevoke() || !slices.Contains(app.ClientIDs, clientID) {
		return nil, ErrUnknownClient
	}

	return app, nil
}

// ask posts a form in the app's name. An answer of 200, or that the grant is not good, is
// one; everything else is ErrUnavailable.
func (p *Providers) ask(ctx context.Context, app *Provider, address, clientID string, form url.Values) (map[string]any, error) {
	secret, err := app.signer.secret(clientID, p.now())
	if err != nil {
		return nil, err
	}

	form.Set("client_id", clientID)
	form.Set("client_secret", secret)

	body, status, err := p.web.post(ctx, address, form)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}

	o, _ := strictjson.Object(body, strictjson.Limits{Depth: 4, Members: 128, Text: maxToken}) // an answer to Revoke is empty
	if status == http.StatusOK || status == http.StatusBadRequest && o["error"] == invalidGrant {
		return o, nil
	}

	reason, _ := o["error"].(string)
	if !slices.Contains(oauthErrors, reason) {
		reason = "no reason that we know"
	}

	return nil, fmt.Errorf("%w: status %d, %s", ErrUnavailable, status, reason)
}

// clientSigner makes the secrets with which an app shows Apple who it is.
type clientSigner struct {
	keyID, team string
	private     *ecdsa.PrivateKey
}

func (c *clientSigner) secret(clientID string, now time.Time) (string, error) {
	header, err := json.Marshal(map[string]string{"alg": "ES256", "kid": c.keyID})
	if err != nil {
		return "", err
	}

	claims, err := json.Marshal(map[string]any{
		"iss": c.team, "sub": clientID, "aud": appleIssuer, "iat": now.Unix(), "exp": now.Add(secretLives).Unix(),
	})
	if err != nil {
		return "", err
	}

	signer, err := jws.NewSigner(jwa.ES256)
	if err != nil {
		return "", err
	}

	signed := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(claims)

	signature, err := signer.Sign([]byte(signed), c.private)
	if err != nil {
		return "", errors.New("the client secret cannot be signed")
	}

	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// parseSigningKey reads the file that Apple hands out, also with \n written for its line
// ends. Security: no message holds any of it (TestParse_neverRepeatsASecret).
func parseSigningKey(text string) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(strings.ReplaceAll(text, `\n`, "\n")))
	if block == nil {
		return nil, errors.New("want a private key as PEM")
	}

	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		parsed, err = x509.ParseECPrivateKey(block.Bytes)
	}

	private, ok := parsed.(*ecdsa.PrivateKey)
	if err != nil || !ok || private.Curve != elliptic.P256() {
		return nil, errors.New("want a private key on P-256 as PEM")
	}

	return private, nil
}
