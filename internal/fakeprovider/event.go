package fakeprovider

import "time"

// Event is what a notification of Apple's server is to say. What is left out is as Apple has it.
type Event struct {
	Type, Sub, Email string
	ClientID         string
	// IssuedAt is the server's now where it is zero.
	IssuedAt time.Time
	// AsObject writes the event as an object, and not as JSON in a text.
	AsObject bool
	// Overrides and Header are as in Claims.
	Overrides, Header map[string]any
}

// Notification makes a signed event of Apple's.
func (s *Server) Notification(e Event) string {
	if e.ClientID == "" {
		e.ClientID = AppleClientID
	}

	if e.IssuedAt.IsZero() {
		e.IssuedAt = s.now()
	}

	event := map[string]any{"type": e.Type, "sub": e.Sub, "event_time": e.IssuedAt.UnixMilli()}
	if e.Email != "" {
		event["email"], event["is_private_email"] = e.Email, "true"
	}

	claims := map[string]any{
		"iss": s.Issuer(Apple), "aud": e.ClientID, "iat": e.IssuedAt.Unix(), "exp": e.IssuedAt.Add(24 * time.Hour).Unix(),
		"jti": random(16), "events": string(encode(event)),
	}
	if e.AsObject {
		claims["events"] = event
	}

	override(claims, e.Overrides)

	return s.sign(Apple, claims, e.Header)
}
