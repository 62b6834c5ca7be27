package verify

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
)

// RetryAfter is what a 503 tells the caller to wait, in seconds.
const RetryAfter = 5

// Refusal is the answer to a call that does not pass. It never says more than a caller may
// know.
type Refusal struct {
	// Status is 400 (more than one Authorization header), 401 or 503.
	Status int
	// Headers to send: WWW-Authenticate (RFC 6750, section 3) or Retry-After, Cache-Control
	// and Content-Type.
	Headers map[string]string
	// Body is JSON in Latchkey's envelope: {"status":…,"errors":[{"code":…,"message":…}]}.
	Body string
}

type contextKey struct{}

// FromContext returns the claims of the token that a request came with, inside a handler
// that the middleware guards. The second value is false elsewhere.
func FromContext(ctx context.Context) (Claims, bool) {
	c, ok := ctx.Value(contextKey{}).(Claims)
	return c, ok
}

// NewContext returns a context that carries claims, for middleware of other frameworks and
// for tests of handlers.
func NewContext(ctx context.Context, c Claims) context.Context {
	return context.WithValue(ctx, contextKey{}, c)
}

// Middleware lets calls with a good access token through to next, which finds the claims
// with [FromContext], and answers all others itself.
func (v *Verifier) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, refusal := v.Authenticate(r.Context(), r.Header.Values("Authorization"))
		if refusal != nil {
			for name, value := range refusal.Headers {
				w.Header().Set(name, value)
			}
			w.WriteHeader(refusal.Status)
			_, _ = w.Write([]byte(refusal.Body))
			return
		}
		next.ServeHTTP(w, r.WithContext(NewContext(r.Context(), c)))
	})
}

// Authenticate checks the token of a request's Authorization headers, all of them as they
// came. Of the two results one is set.
func (v *Verifier) Authenticate(ctx context.Context, authorization []string) (Claims, *Refusal) {
	if len(authorization) > 1 { // the next program could read another one of them
		return Claims{}, v.refusal(http.StatusBadRequest, "invalid_request")
	}
	compact, sent := bearer(authorization)
	if !sent {
		return Claims{}, v.refusal(http.StatusUnauthorized, "")
	}
	c, err := v.Verify(ctx, compact)
	switch {
	case err == nil:
		return c, nil
	case errors.Is(err, ErrInvalid):
		return Claims{}, v.refusal(http.StatusUnauthorized, "invalid_token")
	default:
		return Claims{}, v.refusal(http.StatusServiceUnavailable, "temporarily_unavailable")
	}
}

// bearer takes the token out of the header, and reports whether one of that scheme was
// sent. What is no single token is an empty one, which no gate passes.
func bearer(authorization []string) (string, bool) {
	if len(authorization) == 0 {
		return "", false
	}
	words := strings.FieldsFunc(authorization[0], func(r rune) bool { return r == ' ' })
	if len(words) == 0 || !strings.EqualFold(words[0], "Bearer") {
		return "", false
	}
	if len(words) != 2 {
		return "", true
	}
	return words[1], true
}

var messages = map[string]string{
	"":                        "An access token is needed.",
	"invalid_request":         "Send one Authorization header.",
	"invalid_token":           "The access token has expired or is not good for this service.",
	"temporarily_unavailable": "The access token cannot be checked at the moment. Please try again.",
}

// refusal: RFC 6750 wants no error code where no token was sent.
func (v *Verifier) refusal(status int, code string) *Refusal {
	r := &Refusal{Status: status, Headers: map[string]string{"Cache-Control": "no-store", "Content-Type": "application/json"}}
	named := code
	if named == "" {
		named = "authentication_required"
	}
	r.Body = `{"status":` + strconv.Itoa(status) + `,"errors":[{"code":"` + named + `","message":"` + messages[code] + `"}]}`
	if status == http.StatusServiceUnavailable {
		r.Headers["Retry-After"] = strconv.Itoa(RetryAfter)
		return r
	}
	challenge := `Bearer realm="` + realm(v.audience) + `"`
	if code != "" {
		challenge += `, error="` + code + `", error_description="` + messages[code] + `"`
	}
	r.Headers["WWW-Authenticate"] = challenge
	return r
}

// realm is the audience as a quoted string can hold it.
func realm(audience string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return -1
		}
		return r
	}, audience)
}
