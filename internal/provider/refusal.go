package provider

import "errors"

// Why an id_token is refused: for the log, never for the caller. None of them repeats what the
// token says.
const (
	reasonShape        = "it is no compact JWS of the form that providers make, or its header changes the rules"
	reasonAlgorithm    = "its algorithm is none of the provider's"
	reasonKey          = "the provider has no key of its kid, or the token names none and there is more than one key"
	reasonSignature    = "the signature is not the provider's"
	reasonClaims       = "the claims are no JSON object"
	reasonTimes        = "iat or exp is missing, or no number of seconds, or exp is not after iat"
	reasonFuture       = "iat is in the future; is the clock of this server right?"
	reasonNotBefore    = "nbf is in the future, or no number of seconds"
	reasonExpired      = "exp has passed"
	reasonAge          = "iat is more than 10 minutes ago"
	reasonIssuer       = "iss is not the provider's"
	reasonTenantIssuer = "tid is missing, or iss is not the issuer of this tid"
	reasonTenant       = "tid is none of the tenants that may sign in"
	reasonTenantKey    = "its key is for the tokens of another tenant"
	reasonHostedDomain = "hd is none of the domains in hosted_domain"
	reasonAudience     = "aud is none of the app's client ids, or aud is a list and azp none of them"
	reasonSubject      = "sub is missing, or no printable ASCII text of up to 255 characters"
	reasonNonce        = "nonce is no text"
	reasonNoNonce      = "it carries no nonce, and require_nonce is set"
	reasonOtherNonce   = "its nonce is not the one that was sent along"
	reasonEmail        = "email, email_verified or is_private_email has a form that the provider never writes"
	reasonEventTimes   = "iat of the event is missing, or iat or exp is no whole number"
	reasonEventAge     = "exp of the event has passed, or iat is more than 24 hours ago"
	reasonEventID      = "jti of the event is missing or too long"
	reasonEvent        = "the event has no type or no sub"
	reasonClient       = "no app is set up for this provider and client id"
)

// refusal is an id_token that is refused, and why. Security: the reason is no part of the text,
// which must not become a hint to whom the token is not (TestTIDT_forgedTokens).
type refusal struct {
	reason string
	tooOld bool
}

func refuse(reason string) error { return &refusal{reason: reason} }

func (r *refusal) Error() string { return ErrInvalidToken.Error() }

// Is makes every refusal an ErrInvalidToken, and that of an old token an ErrTokenTooOld too.
func (r *refusal) Is(target error) bool {
	return target == ErrInvalidToken || r.tooOld && target == ErrTokenTooOld
}

// Reason returns why Verify refused a token, for the log. It names claims and never repeats
// one.
func Reason(err error) string {
	var r *refusal
	if errors.As(err, &r) {
		return r.reason
	}

	if errors.Is(err, ErrUnknownClient) {
		return reasonClient
	}

	return ""
}
