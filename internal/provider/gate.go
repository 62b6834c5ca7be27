package provider

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/latchkey-auth/latchkey/internal/jose"
	"github.com/latchkey-auth/latchkey/internal/strictjson"
)

const (
	maxToken = 16 << 10 // bytes; longer is refused before it is looked at
	maxTime  = 1 << 33  // seconds; the year 2242
)

// Providers put more into a token than we do: roles, addresses.
var tokenLimits = strictjson.Limits{Depth: 6, Members: 512, Text: 4096, KeepNumbers: true}

// keyID is wide because other people choose it: it is compared and nothing else.
var keyID = regexp.MustCompile(`^[\x21-\x7e]{1,256}$`)

// opened is a token of the right shape. Nothing of it is proven.
type opened struct {
	alg, kid string
	// foreign: the header has members that neither Apple nor Google writes.
	foreign   bool
	signed    []byte // header.claims, the bytes under the signature
	signature []byte
	claims    []byte
}

// open takes a token apart. Security: what two parsers could read differently is refused
// before anything is compared (SEC-03, SEC-05, SEC-07; TestTIDT_forgedTokens).
func open(compact string) (opened, bool) {
	parts, ok := jose.Split(compact, maxToken)
	if !ok {
		return opened{}, false
	}

	o, ok := readHeader(parts.Header)
	o.signed, o.signature, o.claims = parts.Signed, parts.Signature, parts.Claims

	return o, ok
}

// readHeader takes alg, kid, a typ that says JWT, and the thumbprint of a certificate,
// which some send and nobody reads. Of these, all but alg may be absent, or null; an absent
// kid is empty.
//
// Members that it does not know are noted and ignored (RFC 7515, section 4), and so is where the
// keys are (jku), which some OpenID Connect providers write: keys come from the provider's own set
// in any case. Security: a header that brings a key, or that changes the rules (jwk, x5u, x5c, crit,
// b64, zip, cty, enc), is refused (SEC-05, TestProviderHeader_noKeyComesFromWhereATokenSays).
func readHeader(data []byte) (o opened, ok bool) {
	h, err := strictjson.Object(data, tokenLimits)
	if err != nil {
		return opened{}, false
	}

	for name, value := range h {
		text, isText := value.(string)

		isText = isText || value == nil
		switch name {
		case "alg":
			o.alg = text
		case "kid":
			o.kid = text
		case "typ":
			isText = value == nil || strings.EqualFold(text, "JWT") // not at+jwt: an access token is no id_token (SEC-09)
		case "x5t", "x5t#S256":
		case "zip":
			isText, o.foreign = text == "NONE", true // as ForgeRock writes it
		case "jwk", "x5u", "x5c", "crit", "b64", "cty", "enc":
			return opened{}, false
		default:
			isText, o.foreign = true, true
		}

		if !isText {
			return opened{}, false
		}
	}

	return o, o.alg != "" && (o.kid == "" || keyID.MatchString(o.kid))
}

// digits are a number as one writes it that counts users or seconds.
var digits = regexp.MustCompile(`^(0|[1-9][0-9]{0,18})$`)

// seconds reads a time. Apple and Google write whole numbers. RFC 7519 allows a fraction, and some
// OpenID Connect providers write one, an exponent, or the digits as a text.
func (p *Provider) seconds(value any) (int64, bool) {
	if p.Kind != OpenIDConnect {
		return jose.Integer(value, maxTime)
	}

	if text, isText := value.(string); isText && digits.MatchString(text) {
		value = json.Number(text)
	}

	n, isNumber := value.(json.Number)
	if !isNumber {
		return 0, false
	}

	f, err := n.Float64()

	return int64(f), err == nil && f >= 1 && f < maxTime
}
