package provider

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"time"

	"github.com/latchkey-auth/latchkey/internal/jose"
	"github.com/latchkey-auth/latchkey/internal/strictjson"
)

// The events of Apple's server-to-server notifications that mean something here.
const (
	EmailDisabled  = "email-disabled"
	EmailEnabled   = "email-enabled"
	ConsentRevoked = "consent-revoked"
	AccountDelete  = "account-delete"
	accountDeleted = "account-deleted" // as Apple writes it in some events
)

const (
	maxEventAge = 24 * time.Hour // Apple delivers again what was not answered
	maxEventID  = 255            // bytes
)

// Event is what Apple tells about one of its accounts.
type Event struct {
	Kind          string
	Provider, UID string
	ClientID      string
	// At is when Apple signed it.
	At time.Time
	// Digest knows the event again. After ExpiresAt no server takes it any more.
	Digest    []byte
	ExpiresAt time.Time
}

// VerifyEvent checks a signed event of Apple's. The errors are those of Verify, except
// ErrTokenTooOld.
func (p *Providers) VerifyEvent(ctx context.Context, payload string) (Event, error) {
	o, ok := open(payload)
	if !ok || o.kid == "" {
		return Event{}, refuse(reasonShape)
	}

	app, ok := p.appOfEvent(o)
	if !ok {
		return Event{}, refuse(reasonAudience)
	}

	if _, err := app.keyOf(ctx, o); err != nil {
		return Event{}, err
	}

	return app.event(o.claims, p.now())
}

// HasApple reports whether there is an app whose events are taken.
func (p *Providers) HasApple() bool {
	return slices.ContainsFunc(p.list, func(app *Provider) bool { return app.Kind == Apple })
}

// appOfEvent finds the app that an event says it is for. Nothing of that is proven yet: it
// chooses the keys.
func (p *Providers) appOfEvent(o opened) (*Provider, bool) {
	var told struct {
		Audience string `json:"aud"`
	}
	if err := json.Unmarshal(o.claims, &told); err != nil {
		return nil, false
	}

	for _, app := range p.list {
		if app.Kind == Apple && slices.Contains(app.ClientIDs, told.Audience) {
			return app, true
		}
	}

	return nil, false
}

// event reads the claims of an event whose signature is right.
func (p *Provider) event(data []byte, now time.Time) (Event, error) {
	o, err := strictjson.Object(data, tokenLimits)
	if err != nil {
		return Event{}, refuse(reasonClaims)
	}

	dropNulls(o)

	var id Identity
	if err := p.readIssuer(o, &id); err != nil {
		return Event{}, err
	}

	if err := p.readAudience(o, &id); err != nil {
		return Event{}, err
	}

	e := Event{Provider: p.ID, ClientID: id.ClientID}
	if err := e.readTimes(o, now); err != nil {
		return Event{}, err
	}

	jti, _ := o["jti"].(string)
	if jti == "" || len(jti) > maxEventID {
		return Event{}, refuse(reasonEventID)
	}

	sum := sha256.Sum256([]byte("event of " + p.ID + " " + jti))
	e.Digest = sum[:]

	return e, e.read(o["events"])
}

// readTimes checks the age of an event.
func (e *Event) readTimes(o map[string]any, now time.Time) error {
	iat, ok := jose.Integer(o["iat"], maxTime)
	if !ok {
		return refuse(reasonEventTimes)
	}

	e.At = time.Unix(iat, 0).UTC()

	e.ExpiresAt = e.At.Add(maxEventAge)
	if value, present := o["exp"]; present {
		exp, ok := jose.Integer(value, maxTime)
		if !ok {
			return refuse(reasonEventTimes)
		}

		if end := time.Unix(exp, 0).UTC(); end.Before(e.ExpiresAt) {
			e.ExpiresAt = end
		}
	}

	if e.At.After(now.Add(clockSkew)) {
		return refuse(reasonFuture)
	}

	if !now.Before(e.ExpiresAt) {
		return refuse(reasonEventAge)
	}

	e.ExpiresAt = e.ExpiresAt.Add(clockSkew) // as of an id_token

	return nil
}

// read reads the claim "events": one event, which Apple writes as JSON in a text.
func (e *Event) read(claim any) error {
	told, _ := claim.(map[string]any)
	if text, isText := claim.(string); isText {
		told, _ = strictjson.Object([]byte(text), tokenLimits)
	}

	e.Kind, _ = told["type"].(string)

	e.UID, _ = told["sub"].(string)
	if e.Kind == "" || !isSubject(e.UID) {
		return refuse(reasonEvent)
	}

	if e.Kind == accountDeleted {
		e.Kind = AccountDelete
	}

	return nil
}
