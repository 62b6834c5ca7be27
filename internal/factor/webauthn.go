package factor

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// The ways in which a ceremony fails. Their texts hold nothing of what was submitted, nor
// the challenge: they may be logged.
var (
	// ErrIncorrect: the answer proves nothing, whatever the reason; its text tells that.
	ErrIncorrect = errors.New("the WebAuthn answer was refused")
	// ErrCounter: a good answer, but the key's counter went back or stood still. Somebody
	// may have copied the key. It is an ErrIncorrect too.
	ErrCounter = counterError{}
)

type counterError struct{}

func (counterError) Error() string { return ErrIncorrect.Error() + ": its counter went back" }
func (counterError) Unwrap() error { return ErrIncorrect }

// ErrUnconfigured says that there is no RP id, so that there can be no ceremony.
var ErrUnconfigured = errors.New("WebAuthn is not configured: LATCHKEY_WEBAUTHN_RP_ID is empty")

// Credential is a key as it is stored.
type Credential struct {
	ID         []byte
	PublicKey  []byte // COSE
	SignCount  uint32
	AAGUID     []byte // what make it is; 16 bytes, often all 0
	Transports []string
	// BackupEligible: it can be synchronised between devices; BackupState: it is.
	BackupEligible, BackupState bool
	// Passwordless: it was asked for as a key that signs in alone; nil where that is not known.
	Passwordless *bool
}

// WebAuthnUser is whom a ceremony is for.
type WebAuthnUser struct {
	// Handle identifies the user to a key. It is random and appears nowhere else, because a key
	// reveals it to everybody who has the key (SEC-64). NewHandle makes one.
	Handle []byte
	// Name and Display are what the person sees while they choose a passkey.
	Name, Display string
	Credentials   []Credential
}

// NewHandle returns 256 random bits.
func NewHandle() []byte { return random() }

func random() []byte {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the process instead
	return b
}

// The kinds of ceremonies.
const (
	registration = "registration"
	assertion    = "assertion"
	passkey      = "passkey"
)

// lives is how long a ceremony may take (SEC-59).
const lives = 300 * time.Second

// Ceremony is what the server keeps between the two halves of a ceremony.
//
// Security: the caller deletes it at the first finish, whether that succeeds or not. Otherwise the
// same answer would be accepted again (SEC-59, TestWebAuthn_anAnswerIsJudgedOnce).
type Ceremony struct {
	Kind      string    `json:"kind"`
	Challenge []byte    `json:"challenge"`
	ExpiresAt time.Time `json:"expires_at"`
	// Handle is the person's; empty for a sign-in with a passkey, which tells who it is.
	Handle []byte `json:"handle,omitempty"`
	// Allowed are the ids of the keys that may answer.
	Allowed      [][]byte `json:"allowed,omitempty"`
	Verify       bool     `json:"verify,omitempty"` // the key must verify the person, not only see one
	Passwordless bool     `json:"passwordless,omitempty"`
}

// The options, as browsers and apps read them (WebAuthn, section 5.1.9 and 5.1.10). The lists are
// always there: clients written for allauth expect them.
type (
	creationOptions struct {
		RP         rpEntity     `json:"rp"`
		User       userEntity   `json:"user"`
		Challenge  base64URL    `json:"challenge"`
		Algorithms []algorithm  `json:"pubKeyCredParams"`
		Timeout    int64        `json:"timeout"`
		Exclude    []descriptor `json:"excludeCredentials"`
		Selection  selection    `json:"authenticatorSelection"`
		// Attestation none: a key's make is nobody's business here (SEC-66).
		Attestation string         `json:"attestation"`
		Extensions  map[string]any `json:"extensions"`
	}
	requestOptions struct {
		Challenge        base64URL    `json:"challenge"`
		Timeout          int64        `json:"timeout"`
		RPID             string       `json:"rpId"`
		Allow            []descriptor `json:"allowCredentials"`
		UserVerification string       `json:"userVerification"`
	}
	rpEntity struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	userEntity struct {
		ID      base64URL `json:"id"`
		Name    string    `json:"name"`
		Display string    `json:"displayName"`
	}
	algorithm struct {
		Type string `json:"type"`
		Alg  int64  `json:"alg"`
	}
	descriptor struct {
		Type       string    `json:"type"`
		ID         base64URL `json:"id"`
		Transports []string  `json:"transports,omitempty"`
	}
	selection struct {
		ResidentKey        string `json:"residentKey"`
		RequireResidentKey bool   `json:"requireResidentKey"`
		UserVerification   string `json:"userVerification"`
	}
)

type base64URL []byte

func (b base64URL) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, b), nil
}

// StartRegistration offers to register a key of u: one that can sign in alone where it is
// to be passwordless, a second factor otherwise. The options are {"publicKey": …}.
func (f *Factors) StartRegistration(u WebAuthnUser, passwordless bool, now time.Time) (json.RawMessage, Ceremony, error) {
	if f.settings.RPID == "" || len(u.Handle) == 0 {
		return nil, Ceremony{}, ErrUnconfigured
	}

	c := Ceremony{Kind: registration, Challenge: random(), ExpiresAt: now.Add(lives), Handle: u.Handle, Passwordless: passwordless}

	ask := selection{ResidentKey: "discouraged", UserVerification: f.settings.UserVerification}
	if passwordless {
		ask = selection{ResidentKey: "required", RequireResidentKey: true, UserVerification: "required"}
	}

	c.Verify = ask.UserVerification == "required"

	options := creationOptions{
		RP:        rpEntity{f.settings.RPID, cmp.Or(f.settings.RPName, f.settings.RPID)},
		User:      userEntity{u.Handle, u.Name, cmp.Or(u.Display, u.Name)},
		Challenge: c.Challenge, Timeout: lives.Milliseconds(), Exclude: descriptors(u.Credentials),
		Selection: ask, Attestation: "none", Extensions: map[string]any{"credProps": true},
	}
	for _, alg := range algorithms {
		options.Algorithms = append(options.Algorithms, algorithm{"public-key", int64(alg)})
	}

	return publicKey(options), c, nil
}

// StartAssertion asks for a proof by one of u's keys; where u is nil, for a sign-in with
// any passkey. The options are {"publicKey": …}.
//
// Security: the options of a sign-in are the same for everybody and name no key (SEC-65,
// TestPasskey_optionsTellNothing).
func (f *Factors) StartAssertion(u *WebAuthnUser, now time.Time) (json.RawMessage, Ceremony, error) {
	if f.settings.RPID == "" {
		return nil, Ceremony{}, ErrUnconfigured
	}

	c := Ceremony{Kind: passkey, Challenge: random(), ExpiresAt: now.Add(lives), Verify: true}

	options := requestOptions{
		Challenge: c.Challenge, Timeout: lives.Milliseconds(), RPID: f.settings.RPID, Allow: []descriptor{}, UserVerification: "required",
	}
	if u != nil {
		options.UserVerification = f.settings.UserVerification
		options.Allow = descriptors(u.Credentials)

		c.Kind, c.Handle, c.Verify = assertion, u.Handle, options.UserVerification == "required"
		for _, k := range u.Credentials {
			c.Allowed = append(c.Allowed, k.ID)
		}
	}

	return publicKey(options), c, nil
}

func publicKey(options any) json.RawMessage {
	text, _ := json.Marshal(map[string]any{"publicKey": options}) // nothing in them can fail
	return text
}

func descriptors(credentials []Credential) []descriptor {
	list := []descriptor{}
	for _, k := range credentials {
		list = append(list, descriptor{"public-key", k.ID, k.Transports})
	}

	return list
}

// credential finds a person's key.
func (u WebAuthnUser) credential(id []byte) (Credential, bool) {
	i := slices.IndexFunc(u.Credentials, func(k Credential) bool { return bytes.Equal(k.ID, id) })
	if i < 0 {
		return Credential{}, false
	}

	return u.Credentials[i], true
}
