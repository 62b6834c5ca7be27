package problem

import "time"

// The catalogue: every failure that we can report. The code is the name in snake
// case; openapi.yaml lists the same codes (e2e/contract_test.go compares them).
// Messages are shown to users as they are.
var (
	// Values.
	Required          = invalid("required", "This field is required.")
	InvalidValue      = invalid("invalid", "Enter a valid value.")
	InvalidEmail      = InvalidValue.Saying("Enter a valid email address.")
	MaxLength         = invalid("max_length", "This value is too long.")
	MinLength         = invalid("min_length", "This value is too short.")
	NullCharacters    = invalid("null_characters_not_allowed", "Null characters are not allowed.")
	InvalidChoice     = invalid("invalid_choice", "Select a valid choice. That choice is not one of the available choices.")
	InvalidList       = invalid("invalid_list", "Enter a list of values.")
	InvalidID         = invalid("invalid_pk_value", "This is not a valid id.")
	InvalidJSON       = invalid("invalid_json", "The request body must be one JSON object, in UTF-8, with each member name once.")
	PasswordTooShort  = invalid("password_too_short", "This password is too short.")
	PasswordTooCommon = invalid("password_too_common", "This password is too common.")
	PasswordNumeric   = invalid("password_entirely_numeric", "This password is entirely numeric. Without other characters it must contain at least 15 digits.")
	PasswordSimilar   = invalid("password_too_similar", "The password is too similar to your name, your address or the name of this service.")
	EmailTaken        = invalid("email_taken", "A user is already registered with this email address.")

	UsernameTaken       = invalid("username_taken", "A user with that username already exists.")
	UsernameBlacklisted = invalid("username_blacklisted", "Username can not be used. Please use other username.")
	InvalidPhone        = invalid("invalid_phone", "Enter a phone number including country code, such as +31612345678.")
	PhoneNotServed      = invalid("phone_not_served", "We cannot send text messages to this number.")
	PhoneTaken          = invalid("phone_taken", "A user is already registered with this phone number.")

	// Addresses and numbers of an account.
	SameAsCurrent       = invalid("same_as_current", "The new value must be different from the current one.")
	DuplicateEmail      = invalid("duplicate_email", "This email address is already associated with this account.")
	UnknownEmail        = invalid("unknown_email", "The email address is not assigned to any user account.")
	UnknownPhone        = invalid("unknown_phone", "The phone number is not assigned to any user account.")
	MaxEmailAddresses   = invalid("max_email_addresses", "You cannot add more email addresses.")
	UnverifiedPrimary   = invalid("unverified_primary_email", "Your primary email address must be verified.")
	CannotRemovePrimary = invalid("cannot_remove_primary_email", "You cannot remove your primary email address.")
	NotSent             = &Problem{Kind: Forbidden, Code: "verification_not_sent", Message: "Verification not sent. Wait a moment before you try again."}

	// Codes and links.
	IncorrectCode        = invalid("incorrect_code", "Incorrect code.")
	InvalidOrExpiredKey  = invalid("invalid_or_expired_key", "The key is invalid or has expired.")
	LinkAlreadyUsed      = invalid("link_already_used", "This link was already used, or another link restored the account. If you cannot sign in, reset your password.")
	InvalidPasswordReset = invalid("invalid_password_reset", "The password reset token was invalid.")
	SelectOnlyOne        = invalid("select_only_one", "Provide either an email address or a phone number.")
	AuthenticatorExists  = &Problem{Kind: Conflict, Code: "authenticator_exists", Message: "An authenticator app is already set up. Remove it first."}
	MaxKeys              = &Problem{Kind: Conflict, Code: "max_keys", Message: "You cannot add more security keys and passkeys. Remove one first."}
	CannotGenerateCodes  = invalid("cannot_generate_recovery_codes", "You cannot generate recovery codes without having two-factor authentication enabled.")
	UnverifiedEmail      = invalid("unverified_email", "Verify all your email addresses before you add a second factor.")
	UnverifiedFirst      = &Problem{Kind: Conflict, Code: "unverified_email", Message: UnverifiedEmail.Message}
	// SignInFirst means that a verification link was opened without a session of its account.
	SignInFirst = &Problem{Kind: Conflict, Code: "sign_in_first", Message: "Sign in to the account first, then open the link again."}
	// UnverifiedAccount means that an account which has verified nothing cannot connect a provider.
	UnverifiedAccount = &Problem{Kind: Conflict, Code: "unverified_email", Message: "Verify your email address first."}
	FlowNotPending    = &Problem{Kind: Conflict, Code: "flow_not_pending", Message: "This step is not pending here, or has timed out. Please start over."}

	// Passwords of an account.
	IncorrectPassword    = invalid("incorrect_password", "Incorrect password.")
	EnterCurrentPassword = invalid("enter_current_password", "Please type your current password.")

	// Signing in.
	InvalidLogin         = invalid("invalid_login", "Provide exactly one of email, username or phone.")
	UsernameMismatch     = invalid("username_password_mismatch", "The username and/or password you specified are not correct.")
	PhoneMismatch        = invalid("phone_password_mismatch", "The phone number and/or password you specified are not correct.")
	CredentialsMismatch  = invalid("email_password_mismatch", "The email address and/or password you specified are not correct.")
	TooManyLoginAttempts = invalid("too_many_login_attempts", "Too many failed login attempts. Try again later.")
	AlreadyAuthenticated = &Problem{Kind: Conflict, Code: "already_authenticated", Message: "You are already signed in."}
	InvalidToken         = invalid("invalid_token", "The token could not be verified.")
	// TokenTooOld and TokenUsed: the client can repeat the request with a new token of the provider.
	TokenTooOld      = invalid("token_too_old", "The token is too old. Get a new one from the provider, then try again.")
	TokenUsed        = invalid("token_used", "The token was used before. Get a new one from the provider, then try again.")
	ClientIDRequired = invalid("client_id_required", "`client_id` is missing.")
	TokenRequired    = invalid("token_required", "`id_token` is missing.")
	NonceRequired    = invalid("nonce_required", "`nonce` is missing, but the token contains one.")
	ConnectedOther   = invalid("connected_other", "The third-party account is already connected to a different account.")
	AccountNotFound  = invalid("account_not_found", "Unknown account.")
	NoPassword       = invalid("no_password", "Your account has no password set up.")
	NoVerifiedEmail  = invalid("no_verified_email", "Your account has no verified email address.")
	SignupClosed     = &Problem{Kind: Forbidden, Code: "signup_closed", Message: "Signing up is closed."}

	// Refused refresh tokens, and why a session has ended. These, and no others, tell a client
	// to sign in again.
	RefreshTokenInvalid = invalid("refresh_token_invalid", "The refresh token is not valid.")
	RefreshTokenReused  = invalid("refresh_token_reused", "The refresh token was used before. The session has been ended to protect the account.")
	SessionExpired      = invalid("session_expired", "The session has expired. Please sign in again.")
	SessionEnded        = invalid("session_ended", "The session has ended. Please sign in again.")
	OwnershipVerified   = invalid("ownership_verified", "You have confirmed on another device that this account is yours. Please sign in again.")
	PasswordChanged     = invalid("password_changed", "The password has been changed. Please sign in again.")
	AccountDisabled     = invalid("account_disabled", "The account is disabled.")
	AccountDeleted      = invalid("account_deleted", "The account has been deleted.")

	// RefreshConflict says nothing about the session: another key spent this token a moment ago.
	RefreshConflict = &Problem{
		Kind: Conflict, Code: "refresh_conflict", RetryAfter: time.Second,
		Message: "Another request of this session has just used the refresh token. Read the stored tokens again, then retry.",
	}

	// The request as such.
	PathNotFound     = &Problem{Kind: NotFound, Code: "not_found", Message: "There is nothing at this path."}
	MethodNotAllowed = &Problem{Kind: NotAllowed, Code: "method_not_allowed", Message: "This path does not support the method."}
	BodyTooLarge     = &Problem{Kind: TooLarge, Code: "body_too_large", Message: "The request body is larger than 64 KiB."}
	HeaderTooLarge   = &Problem{Kind: HeadersTooLarge, Code: "headers_too_large", Message: "The request headers are larger than 8 KiB."}
	MediaType        = &Problem{Kind: Unsupported, Code: "unsupported_media_type", Message: "Send the body as application/json in UTF-8, without Content-Encoding."}
	RequestTimeout   = &Problem{Kind: TimedOut, Code: "request_timeout", Message: "The request did not arrive in time."}

	TooManyRequests = &Problem{Kind: TooMany, Code: "too_many_requests", Message: "Too many requests. Please try again later.", RetryAfter: time.Second}

	// Ours.
	TemporarilyUnavailable = &Problem{
		Kind: Unavailable, Code: "temporarily_unavailable", RetryAfter: 2 * time.Second,
		Message: "The service is temporarily unavailable. Please try again.",
	}
	InternalError = &Problem{Kind: Internal, Code: "internal_error", Message: "Something went wrong on our side."}
	// InvalidClaims has no Retry-After: it lasts until the operator changes the claims function.
	InvalidClaims = &Problem{Kind: Internal, Code: "invalid_claims", Message: "This service is misconfigured. Please contact its support."}
)

// Catalogue lists every problem above.
func Catalogue() []*Problem {
	return []*Problem{
		Required, InvalidValue, MaxLength, MinLength, NullCharacters, InvalidChoice, InvalidList, InvalidID, InvalidJSON, PasswordTooShort, PasswordTooCommon,
		PasswordNumeric, PasswordSimilar, EmailTaken, UsernameTaken, UsernameBlacklisted, InvalidPhone, PhoneNotServed, PhoneTaken, SameAsCurrent, DuplicateEmail,
		UnknownEmail, UnknownPhone, MaxEmailAddresses, UnverifiedPrimary, CannotRemovePrimary, NotSent, IncorrectCode,
		InvalidOrExpiredKey, LinkAlreadyUsed, InvalidPasswordReset, SelectOnlyOne, AuthenticatorExists, MaxKeys,
		CannotGenerateCodes, UnverifiedEmail, SignInFirst, FlowNotPending, InvalidToken, TokenTooOld, TokenUsed, ClientIDRequired, TokenRequired, NonceRequired, ConnectedOther, AccountNotFound,
		NoPassword, NoVerifiedEmail, IncorrectPassword, EnterCurrentPassword,
		InvalidLogin, UsernameMismatch, PhoneMismatch, CredentialsMismatch, TooManyLoginAttempts, AlreadyAuthenticated, SignupClosed,
		RefreshTokenInvalid, RefreshTokenReused, SessionExpired, SessionEnded, PasswordChanged, OwnershipVerified, AccountDisabled,
		AccountDeleted, RefreshConflict, PathNotFound, MethodNotAllowed, BodyTooLarge, HeaderTooLarge, MediaType, RequestTimeout,
		TooManyRequests, TemporarilyUnavailable, InternalError, InvalidClaims,
	}
}

func invalid(code, message string) *Problem {
	return &Problem{Kind: Invalid, Code: code, Message: message}
}
