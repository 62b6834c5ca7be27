package fakeprovider

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"strings"
	"time"
)

// Claims is what an id_token is to say. What is left out is as the provider has it.
type Claims struct {
	Provider, ClientID, Sub, Email string
	// EmailVerified is true where it is nil and there is an address.
	EmailVerified         any
	Nonce                 string
	Tenant                string // of Entra
	GivenName, FamilyName string // not Apple: its tokens have none
	// IssuedAt is the server's now where it is zero. Lifetime is 24 hours for Apple and one
	// for the others where it is zero.
	IssuedAt time.Time
	Lifetime time.Duration
	// Overrides are claims by name; nil takes one away, and Null writes null.
	Overrides map[string]any
	// Header are members of the header by name, likewise.
	Header map[string]any
}

// Null is the value of a claim that is written as null.
var Null = json.RawMessage("null")

// Token makes an id_token.
func (s *Server) Token(c Claims) string { return s.sign(c.Provider, s.claims(c), c.Header) }

// sign makes a compact JWS with the key of a provider.
func (s *Server) sign(provider string, claims, with map[string]any) string {
	s.mu.Lock()
	keys := s.sides[provider].keys
	key := keys[len(keys)-1]
	s.mu.Unlock()

	header := map[string]any{"alg": key.alg(), "kid": key.kid}
	if provider != Apple {
		header["typ"] = "JWT"
	}

	override(header, with)
	signed := b64(encode(header)) + "." + b64(encode(claims))

	return signed + "." + b64(key.sign(signed))
}

func (s *Server) claims(c Claims) map[string]any {
	if c.ClientID == "" {
		c.ClientID = ClientIDs(c.Provider)[0]
	}

	if c.Sub == "" {
		c.Sub = SubjectFor(c.Provider, c.Email)
	}

	if c.IssuedAt.IsZero() {
		c.IssuedAt = s.now()
	}

	if c.Lifetime == 0 {
		c.Lifetime = time.Hour
		if c.Provider == Apple {
			c.Lifetime = 24 * time.Hour
		}
	}

	if c.EmailVerified == nil {
		c.EmailVerified = true
	}

	claims := map[string]any{
		"iss": s.Issuer(c.Provider), "aud": c.ClientID, "sub": c.Sub, "iat": c.IssuedAt.Unix(), "exp": c.IssuedAt.Add(c.Lifetime).Unix(),
	}
	if c.Email != "" {
		claims["email"], claims["email_verified"] = c.Email, c.EmailVerified
	}

	if c.Nonce != "" {
		claims["nonce"] = c.Nonce
	}

	if c.Provider == Apple {
		claims["auth_time"], claims["nonce_supported"] = c.IssuedAt.Unix(), true
		if strings.HasSuffix(c.Email, "@privaterelay.appleid.com") {
			claims["is_private_email"] = true
		}
	} else {
		claims["azp"] = c.ClientID
		if name := strings.TrimSpace(c.GivenName + " " + c.FamilyName); name != "" {
			claims["given_name"], claims["family_name"], claims["name"] = c.GivenName, c.FamilyName, name
		}
	}

	if c.Tenant != "" {
		claims["iss"], claims["tid"] = s.TenantIssuer(c.Tenant), c.Tenant
	}

	override(claims, c.Overrides)

	return claims
}

func override(members, with map[string]any) {
	maps.Copy(members, with)

	for name, value := range with {
		if value == nil {
			delete(members, name)
		}
	}
}

// SubjectFor derives the sub of an identity from its address, so that it is always the same.
func SubjectFor(provider, email string) string {
	sum := sha256.Sum256([]byte(provider + "|" + strings.ToLower(email)))
	return hex.EncodeToString(sum[:10])
}

func encode(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic("fakeprovider: " + err.Error()) // a test's override that no JSON can hold
	}

	return text
}
