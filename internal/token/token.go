// Package token owns keys and the tokens that they sign: everything that signs or
// verifies stands here, behind one strict gate. It is the only room that knows JOSE.
// It does not own sessions: whether the session that a token names still lives is
// internal/session's to say.
package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Settings of tokens.
type Settings struct {
	Algorithm       string   `env:"HEADLESS_JWT_ALGORITHM" default:"ES256" doc:"Only ES256: small tokens, one key to publish, nothing to negotiate."`
	PrivateKey      string   `env:"HEADLESS_JWT_PRIVATE_KEY" secret:"key" doc:"One or more P-256 private keys as PEM, or base64 of that. The first one signs; all of them verify and are listed in the JWKS. latchkey keys generate creates one."`
	PrivateKeyFile  string   `env:"HEADLESS_JWT_PRIVATE_KEY_FILE" doc:"The file that contains them, mode 600, in a folder that only its owner can write to. The server refuses to start if other accounts can read, change or replace the file. It is read again within 60 seconds of a change: latchkey keys rotate."`
	AccessExpiresIn int      `env:"HEADLESS_JWT_ACCESS_TOKEN_EXPIRES_IN" default:"300" min:"2" max:"86400" doc:"Seconds that an access token lives."`
	HeaderScheme    string   `env:"HEADLESS_JWT_AUTHORIZATION_HEADER_SCHEME" default:"Bearer" doc:"The scheme in the Authorization header, compared without case."`
	Stateful        bool     `env:"HEADLESS_JWT_STATEFUL_VALIDATION_ENABLED" default:"true" doc:"Look the session up for every access token. Always on here: false is a settings error."`
	Issuer          string   `env:"LATCHKEY_ISSUER" default:"latchkey" doc:"iss of every token: at most 128 printable ASCII characters (144 together with LATCHKEY_AUDIENCE; 141, 124 or 134 where LATCHKEY_USER_IDS is int63, uuid or text), best your public URL."`
	FormerIssuers   []string `env:"LATCHKEY_FORMER_ISSUERS" doc:"Previous issuers: a list. Refresh tokens of these are accepted, and the next refresh replaces them, so that a change of LATCHKEY_ISSUER signs nobody out. Access tokens of a former issuer can only sign out. Remove it when HEADLESS_JWT_REFRESH_TOKEN_EXPIRES_IN has passed. Default: none."`
	Audience        string   `env:"LATCHKEY_AUDIENCE" default:"latchkey" doc:"aud of access tokens: at most 64 printable ASCII characters. Refresh tokens have /refresh appended."`
}

// Sizes in bytes. They hold for the longest legal values (token_test.go).
const (
	MaxAccess  = 1536
	MaxRefresh = 672
	MaxExtra   = 512 // the operator's claims as they stand in the token
	maxIssuer  = 128
	maxAud     = 64
	// maxParties is the limit of issuer and audience together: a longer pair makes the refresh
	// token too large. What a subject has beyond commonSubject is taken off it.
	maxParties    = 144
	commonSubject = 16
)

// Check reports what is wrong with the settings, all of it.
func (s Settings) Check() []error {
	var errs []error
	if s.Algorithm != "ES256" {
		errs = append(errs, errors.New("HEADLESS_JWT_ALGORITHM: only ES256 is supported: an RS256 token outgrows a phone's secure store, and HS256 would have to share its secret with every service that checks a token"))
	}
	if !s.Stateful {
		errs = append(errs, errors.New("HEADLESS_JWT_STATEFUL_VALIDATION_ENABLED: cannot be false: a signed-out session's access token must stop working at the next request"))
	}
	for _, f := range []struct {
		name, value string
		most        int
	}{{"LATCHKEY_ISSUER", s.Issuer, maxIssuer}, {"LATCHKEY_AUDIENCE", s.Audience, maxAud}} {
		if f.value == "" || len(f.value) > f.most || !plain(f.value) {
			errs = append(errs, fmt.Errorf("%s: want 1 to %d printable ASCII characters without blank, quote, backslash, < or >", f.name, f.most))
		}
	}
	for _, former := range s.FormerIssuers {
		if len(former) > maxIssuer || !plain(former) {
			errs = append(errs, fmt.Errorf("LATCHKEY_FORMER_ISSUERS: want a list of issuers, each of 1 to %d printable ASCII characters", maxIssuer))
			break
		}
	}
	if len(s.Issuer)+len(s.Audience) > maxParties {
		errs = append(errs, fmt.Errorf("LATCHKEY_ISSUER: together with LATCHKEY_AUDIENCE at most %d characters", maxParties))
	}
	return errs
}

// CheckSubjects reports whether issuer and audience leave no space for subjects of so many characters.
func (s Settings) CheckSubjects(longest int) error {
	most := maxParties - max(longest-commonSubject, 0)
	if len(s.Issuer)+len(s.Audience) <= most {
		return nil
	}

	return fmt.Errorf("LATCHKEY_ISSUER: together with LATCHKEY_AUDIENCE at most %d characters, since user ids have up to %d (LATCHKEY_USER_IDS)", most, longest)
}

// plain reports whether every byte of s stands for itself in JSON.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}

// Use is what a token is good for: its token_use.
type Use string

// The uses. A token of one is refused as the other.
const (
	Access  Use = "access"
	Refresh Use = "refresh"
)

// typ is the header's type (RFC 9068, section 2.1, and its likeness for refresh tokens).
func (u Use) typ() string {
	if u == Access {
		return "at+jwt"
	}
	return "rt+jwt"
}

// refreshAudience is what the audience of refresh tokens has at its end.
const refreshAudience = "/refresh"

// audience is the aud of a token of this use.
//
// Security: a refresh token is addressed to this server alone. Libraries compare aud, and few
// compare typ or token_use: with the audience of access tokens, an ordinary verifier would
// take a refresh token for an access token (TestDocs_ordinaryLibrariesRefuseRefreshTokens).
func (s Settings) audience(use Use) string {
	if use == Refresh {
		return s.Audience + refreshAudience
	}

	return s.Audience
}

// accepts reports whether an aud is good for this use.
//
// Refresh tokens that were issued before they had an audience of their own carry that of
// access tokens. They are recognised by typ and token_use, which verify compares as well, and
// end with their generation: the next refresh replaces them.
func (s Settings) accepts(aud any, use Use) bool {
	if aud == s.audience(use) {
		return true
	}

	return use == Refresh && aud == s.Audience
}

// issued reports whether an iss is good for this use.
//
// Security: a former issuer is good for refresh tokens, and for signing out, alone. The keys are ours in any case; an
// access token lives for minutes, and backends compare iss with the issuer of now
// (TestFormerIssuers_areAcceptedInRefreshTokensOnly).
func (s Settings) issued(iss any, use Use) bool {
	if iss == s.Issuer {
		return true
	}

	name, ok := iss.(string)

	return ok && use == Refresh && slices.Contains(s.FormerIssuers, name)
}

// Claims is what a token says.
type Claims struct {
	Subject    string // the user: see internal/userid
	SessionID  uuid.UUID
	Generation int64
	ID         string // jti
	IssuedAt   time.Time
	ExpiresAt  time.Time

	// The rest stands in access tokens only: it may change between a rotation and its replay.

	TenantID *uuid.UUID      // the user's primary tenant; nil for none
	Proof    *Proof          // nil where no proof is known
	Extra    json.RawMessage // the operator's claims: a JSON object, or nil
}

// Proof says when and how the user proved who they are.
type Proof struct {
	At      time.Time // auth_time: the last proof
	Methods []string  // amr: all of them, in the words of RFC 8176
}

// payload is the wire form, its members in the order of their names. Strings are all
// plain, so Go's escaping of < > & never grows one.
type payload struct {
	Methods    []string `json:"amr,omitempty"`
	Audience   string   `json:"aud"`
	AuthTime   int64    `json:"auth_time,omitempty"`
	ExpiresAt  int64    `json:"exp"`
	Generation int64    `json:"gen"`
	IssuedAt   int64    `json:"iat"`
	Issuer     string   `json:"iss"`
	ID         string   `json:"jti"`
	SessionID  string   `json:"sid"`
	Subject    string   `json:"sub"`
	TenantID   string   `json:"tenant_id,omitempty"`
	Use        Use      `json:"token_use"`
}

// reserved are names that operator claims cannot take: ours, and the registered ones
// that a verifier would act on.
var reserved = map[string]bool{
	"aud": true, "exp": true, "gen": true, "iat": true, "iss": true, "jti": true, "sid": true, "sub": true, "tenant_id": true,
	"token_use": true, "nbf": true, "cnf": true, "act": true, "client_id": true, "auth_time": true, "amr": true, "acr": true,
}
