package token

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/latchkey-auth/latchkey/internal/secret"
	"github.com/latchkey-auth/latchkey/internal/strictjson"
)

// Issuer signs tokens.
type Issuer struct {
	ring     *Keyring
	settings Settings
	signer   jws.Signer
	verified *verified // of the verifier beside it; nil for none
}

// NewIssuer returns an issuer that signs with the first key of ring.
func NewIssuer(ring *Keyring, settings Settings) (*Issuer, error) {
	signer, err := jws.NewSigner(jwa.ES256)
	if err != nil {
		return nil, err
	}
	return &Issuer{ring: ring, settings: settings, signer: signer}, nil
}

// RememberIn makes what is signed known to a verifier of the same keys and settings: the signature of a token that this
// process has made needs no check when it is shown for the first time. Call it before use.
func (i *Issuer) RememberIn(v *Verifier) { i.verified = v.verified }

// Access signs an access token for c, issued at now.
func (i *Issuer) Access(c Claims, now time.Time) (string, error) {
	c.ID = secret.Text(16)
	c.IssuedAt = now
	c.ExpiresAt = now.Add(time.Duration(i.settings.AccessExpiresIn) * time.Second)
	return i.sign(c, Access, MaxAccess)
}

// Refresh signs the refresh token of a generation. The same session, generation and
// times give a token that is equal in claims: its jti is derived.
func (i *Issuer) Refresh(c Claims) (string, error) {
	c.ID = RefreshID(c.SessionID, c.Generation)

	// They may change between a rotation and its replay.
	c.TenantID, c.Proof, c.Extra = nil, nil, nil

	return i.sign(c, Refresh, MaxRefresh)
}

// RefreshID is the jti of a generation's refresh token. It is an identifier, not a
// secret: the signature is what counts.
func RefreshID(sessionID uuid.UUID, generation int64) string {
	sum := sha256.Sum256(append(sessionID[:], strconv.FormatInt(generation, 10)...))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

func (i *Issuer) sign(c Claims, use Use, most int) (string, error) {
	k := i.ring.state.Load().signer
	p := payload{
		Audience: i.settings.audience(use), ExpiresAt: c.ExpiresAt.Unix(), Generation: c.Generation,
		IssuedAt: c.IssuedAt.Unix(), Issuer: i.settings.Issuer, ID: c.ID, SessionID: FormatSessionID(c.SessionID), Subject: c.Subject, Use: use,
	}
	if c.TenantID != nil {
		p.TenantID = c.TenantID.String()
	}
	if c.Proof != nil {
		p.AuthTime, p.Methods = c.Proof.At.Unix(), c.Proof.Methods
	}
	claims, err := json.Marshal(p)
	if err != nil {
		return "", err
	}
	if len(c.Extra) > 2 { // more than {}
		claims = append(append(claims[:len(claims)-1], ','), c.Extra[1:]...)
	}
	header := `{"alg":"ES256","kid":"` + k.kid + `","typ":"` + use.typ() + `"}`
	signed := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString(claims)
	signature, err := i.signer.Sign([]byte(signed), k.private)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	compact := signed + "." + base64.RawURLEncoding.EncodeToString(signature)
	if len(compact) > most {
		return "", fmt.Errorf("the %s token would have %d bytes, %d are the most", use, len(compact), most)
	}
	if i.verified != nil {
		i.verified.add(compact, remember(k.kid, i.settings, use, c))
	}
	return compact, nil
}

// CheckExtra reads the operator's claims and returns them as they will stand in the
// token: compact, at most MaxExtra bytes, without reserved names. raw is nil, JSON
// null or an object.
func CheckExtra(raw json.RawMessage) (json.RawMessage, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	object, err := strictjson.Object(raw, strictjson.Limits{Depth: 3, Members: 64, Text: MaxExtra, KeepNumbers: true})
	if err != nil {
		return nil, errors.New("the operator's claims are not a JSON object that a token can hold")
	}
	for name := range object {
		if reserved[strictjson.Fold(name)] { // in any case: the gate refuses sub beside Sub
			return nil, fmt.Errorf("the operator's claims use the reserved name %q", name)
		}
	}
	compact, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	if len(compact) > MaxExtra {
		return nil, fmt.Errorf("the operator's claims have %d bytes, %d are the most", len(compact), MaxExtra)
	}
	return compact, nil
}
