package factor

import (
	"bytes"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/latchkey-auth/latchkey/internal/strictjson"
)

// What an answer may weigh (SEC-62, SEC-66).
const (
	maxAnswer      = 48 << 10
	maxAttestation = 16 << 10
	maxClientData  = 4 << 10
	maxID          = 1023
	maxPart        = 4 << 10 // of everything else
	maxTransports  = 8
)

// answer is what a client sent, decoded and within its limits.
type answer struct {
	id, clientData                           []byte
	attestation                              []byte // of a registration
	authenticatorData, signature, userHandle []byte // of an assertion
	transports                               []string
	discoverable                             *bool // extension credProps
}

// refuse is an ErrIncorrect with its reason. Security: reasons are constants: no part of
// an answer, and nothing that the library says, which would show the challenge (SEC-66,
// TestRefusal_showsNothing).
func refuse(reason string) error { return fmt.Errorf("%w: %s", ErrIncorrect, reason) }

// read decodes a credential: a JSON object, or a JSON string that holds one, which
// clients written for allauth send.
func read(credential json.RawMessage, kind string) (answer, error) {
	var a answer

	text := []byte(credential)
	if trimmed := bytes.TrimSpace(text); len(trimmed) > 0 && trimmed[0] == '"' {
		var inner string
		if err := json.Unmarshal(trimmed, &inner); err != nil {
			return a, refuse("malformed")
		}

		text = []byte(inner)
	}

	if len(text) > maxAnswer {
		return a, refuse("too large")
	}

	// Security: what two parsers could read differently is refused, also inside a string,
	// where the gate has not looked (SEC-82, TestAssertion_malformedAnswersAreRefused).
	object, err := strictjson.Object(text, strictjson.Limits{Depth: 8, Members: 300, Text: maxAnswer})
	if err != nil {
		return a, refuse("malformed")
	}

	r := reader{ok: object["type"] == "public-key"}
	response, _ := object["response"].(map[string]any)

	a.id = r.bytes(object, "id", maxID)
	if raw, given := object["rawId"]; given && raw != object["id"] {
		r.ok = r.ok && bytes.Equal(r.bytes(object, "rawId", maxID), a.id)
	}

	a.clientData = r.bytes(response, "clientDataJSON", maxClientData)
	if kind == registration {
		a.attestation = r.bytes(response, "attestationObject", maxAttestation)
		a.transports = transports(response["transports"])
		a.discoverable = discoverable(object["clientExtensionResults"])
	} else {
		a.authenticatorData = r.bytes(response, "authenticatorData", maxPart)

		a.signature = r.bytes(response, "signature", maxPart)
		if h := response["userHandle"]; h != nil && h != "" {
			a.userHandle = r.bytes(response, "userHandle", 64)
		}
	}

	if !r.ok {
		return answer{}, refuse("malformed")
	}

	return a, nil
}

// reader remembers whether anything was not as it should be.
type reader struct{ ok bool }

// bytes decodes a member in base64url that must be there. Padding is forgiven.
func (r *reader) bytes(object map[string]any, name string, limit int) []byte {
	text, _ := object[name].(string)
	text = strings.TrimRight(text, "=")
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	// Security: the decoder skips line breaks, so that one key would have many ids
	// (TestAssertion_malformedAnswersAreRefused).
	if err != nil || len(b) == 0 || len(b) > limit || strings.ContainsAny(text, "\r\n") {
		r.ok = false
		return nil
	}

	return b
}

var transport = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

// transports are hints for later ceremonies: what is no hint is left out.
func transports(value any) []string {
	list, _ := value.([]any)

	hints := []string{}
	for _, v := range list {
		if hint, ok := v.(string); ok && transport.MatchString(hint) && len(hints) < maxTransports {
			hints = append(hints, hint)
		}
	}

	return hints
}

func discoverable(extensions any) *bool {
	all, _ := extensions.(map[string]any)
	properties, _ := all["credProps"].(map[string]any)

	rk, ok := properties["rk"].(bool)
	if !ok {
		return nil
	}

	return &rk
}

// checkCeremony looks at the half that the server has kept.
func checkCeremony(c Ceremony, kind string, now time.Time) error {
	switch {
	case c.Kind != kind || len(c.Challenge) < 16:
		return refuse("another ceremony")
	case !now.Before(c.ExpiresAt):
		return refuse("too late")
	}

	return nil
}

// checkClientData looks at what the browser or the system says about where the key was
// used. The library looks too, but forgives more: it folds case, skips paths and takes a
// name that stands twice.
//
// Security: exact origins, never in a frame of somebody else (SEC-60,
// TestClientData_onlyOurOriginsUnframed).
func (f *Factors) checkClientData(c Ceremony, a answer) error {
	data, err := strictjson.Object(a.clientData, strictjson.Limits{Depth: 4, Members: 64, Text: maxClientData})
	if err != nil {
		return refuse("malformed client data")
	}

	want := "webauthn.get"
	if c.Kind == registration {
		want = "webauthn.create"
	}

	challenge, _ := data["challenge"].(string)
	origin, _ := data["origin"].(string)
	crossOrigin, framed := data["crossOrigin"]

	_, topped := data["topOrigin"]
	switch {
	case data["type"] != want:
		return refuse("client data of another type")
	case subtle.ConstantTimeCompare([]byte(challenge), []byte(text(c.Challenge))) != 1:
		return refuse("another challenge")
	case !f.origins[origin]:
		return refuse("the origin is not in LATCHKEY_WEBAUTHN_ORIGINS")
	case framed && crossOrigin != false, topped:
		return refuse("inside a frame of another origin")
	}

	return nil
}

// text is b in base64url.
func text(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
