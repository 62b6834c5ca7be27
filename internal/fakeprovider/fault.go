package fakeprovider

import (
	"net/http"
	"slices"
	"strings"
)

// Fault is what is wrong with a provider's keys.
type Fault int

// The faults.
const (
	// Healthy: nothing is.
	Healthy Fault = iota
	// Slow: the answer is held back until the fault is another, or the server is closed.
	Slow
	// Garbage: the answer is no JSON.
	Garbage
	// Failing: the answer is 500.
	Failing
	// Gone: the connection breaks without an answer.
	Gone
	// DuplicateKid: two keys have one name.
	DuplicateKid
	// Symmetric: a shared secret stands among the keys.
	Symmetric
	// Redirecting: the answer is elsewhere, and good there.
	Redirecting
	// Oversize: the answer is larger than anybody should read.
	Oversize
	// Empty: there are no keys.
	Empty
	// Nameless: the keys have no kid.
	Nameless
	// TwoKeys: there is another good key.
	TwoKeys
	// TwoNameless: there is another good key, and neither has a kid.
	TwoNameless
	// OtherUse: there is another key, which is for encryption, and neither has a kid.
	OtherUse
)

// SetFault makes a provider fail in some way, or work again. Delayed answers are sent then.
func (s *Server) SetFault(provider string, fault Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	side := s.sides[provider]
	side.fault = fault
	close(side.released)
	side.released = make(chan struct{})
}

// RotateKeys makes the provider sign with a new key. The key before is shown no more.
func (s *Server) RotateKeys(provider string) {
	key := newKey(provider)
	s.mu.Lock()
	defer s.mu.Unlock()
	side := s.sides[provider]
	side.keys = append(side.keys, key)
}

// ServeOldKeys makes the provider show the key before the last rotation, and not the one
// that signs, as a cache on the way does.
func (s *Server) ServeOldKeys(provider string, old bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sides[provider].old = old
}

// SetCacheControl is what the provider says about how long its answers may be kept.
func (s *Server) SetCacheControl(provider, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sides[provider].control = value
}

// Fetches counts how often a provider was asked for its keys.
func (s *Server) Fetches(provider string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sides[provider].fetches
}

// Discoveries counts how often the discovery document was asked for.
func (s *Server) Discoveries() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sides[OIDC].documents
}

func (s *Server) serveKeys(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	side := s.sides[r.PathValue("provider")]
	side.fetches++
	s.mu.Unlock()

	set, fault, control := s.wait(r, side)
	switch fault {
	case Garbage:
		_, _ = w.Write([]byte("<html>It works!</html>"))
		return
	case Failing:
		http.Error(w, "out of order", http.StatusInternalServerError)
		return
	case Gone, Slow:
		panic(http.ErrAbortHandler) // how net/http breaks a connection
	case DuplicateKid:
		set = append(set, set[0])
	case Symmetric:
		set = append(set, map[string]any{"kty": "oct", "kid": "shared", "alg": "HS256", "k": random(32)})
	case Redirecting:
		if !r.URL.Query().Has("elsewhere") { // who follows gets good keys, and is found out
			http.Redirect(w, r, "keys?elsewhere", http.StatusFound)
			return
		}
	case Oversize:
		set = append(set, map[string]any{"kty": "RSA", "kid": "padding", "use": "sig", "alg": "RS256", "n": strings.Repeat("A", 128<<10)})
	case Empty:
		set = []any{}
	case TwoKeys, TwoNameless:
		set = append(set, newKey(OIDC).jwk())
	case OtherUse:
		other := newKey(OIDC).jwk()
		other["use"] = "enc"
		set = append(set, other)
	}

	if slices.Contains([]Fault{Nameless, TwoNameless, OtherUse}, fault) {
		for _, key := range set {
			delete(key.(map[string]any), "kid")
		}
	}

	answer(withCacheControl{w, control}, http.StatusOK, map[string]any{"keys": set})
}

// wait returns what to show, after what is held back was let go.
func (s *Server) wait(r *http.Request, side *side) ([]any, Fault, string) {
	for {
		s.mu.Lock()
		fault, released, control := side.fault, side.released, side.control

		shown := side.keys[len(side.keys)-1:]
		if side.old && len(side.keys) > 1 {
			shown = side.keys[len(side.keys)-2 : len(side.keys)-1]
		}

		shown = slices.Clone(shown)
		issuer := side.keyIssuer
		s.mu.Unlock()

		if fault != Slow {
			var set []any
			for _, key := range shown {
				member := key.jwk()
				if issuer != "" {
					member["issuer"] = issuer
				}

				set = append(set, member)
			}

			return set, fault, control
		}

		select {
		case <-released:
		case <-r.Context().Done():
			return nil, Slow, ""
		case <-s.closing:
			return nil, Slow, ""
		}
	}
}

// withCacheControl puts a provider's own Cache-Control in place of ours.
type withCacheControl struct {
	http.ResponseWriter
	control string
}

func (w withCacheControl) WriteHeader(status int) {
	w.Header().Set("Cache-Control", w.control)
	w.ResponseWriter.WriteHeader(status)
}

func (s *Server) serveConfiguration(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	side := s.sides[OIDC]
	side.documents++
	control := side.control
	s.mu.Unlock()
	issuer := s.Issuer(OIDC)
	answer(withCacheControl{w, control}, http.StatusOK, map[string]any{
		"issuer": issuer, "jwks_uri": issuer + "/keys", "authorization_endpoint": issuer + "/sign-in",
		"response_types_supported": []string{"id_token"}, "subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"ES256"},
	})
}
