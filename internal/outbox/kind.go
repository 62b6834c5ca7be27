package outbox

import "slices"

// Kind says what a message tells. Its text is the name of its template.
type Kind string

// What carries a code or a link.
const (
	VerifyEmailCode   Kind = "verify_email_code"
	VerifyEmailLink   Kind = "verify_email_link"
	LoginCode         Kind = "login_code"
	ProofCode         Kind = "proof_code"
	PasswordResetCode Kind = "password_reset_code"
	PasswordResetLink Kind = "password_reset_link"
	SMSCode           Kind = "sms_code"
)

// These messages go to the owner of an address or number when a code or link was requested for it, and there is
// no account, or there already is one.
const (
	UnknownAccount          Kind = "unknown_account"
	AccountAlreadyExists    Kind = "account_already_exists"
	SMSAccountAlreadyExists Kind = "sms_account_already_exists"
)

// Nothing is stored like a message and never sent, so that a case without a message costs as much as a case
// with one.
const Nothing Kind = "nothing"

// What happened to an account.
const (
	PasswordChanged          Kind = "password_changed"
	PasswordSet              Kind = "password_set"
	PasswordReset            Kind = "password_reset"
	PasswordUnproved         Kind = "password_unproved"
	EmailChanged             Kind = "email_changed" // to the old address
	EmailDeleted             Kind = "email_deleted"
	EmailAdded               Kind = "email_added"
	EmailConfirmed           Kind = "email_confirmed"
	RefreshTokenReused       Kind = "refresh_token_reused"
	NewDevice                Kind = "new_device"
	AccountDeletionScheduled Kind = "account_deletion_scheduled"
	AccountDeletionCancelled Kind = "account_deletion_cancelled"
	AccountDeleted           Kind = "account_deleted"
	TOTPActivated            Kind = "totp_activated"
	TOTPDeactivated          Kind = "totp_deactivated"
	RecoveryCodesGenerated   Kind = "recovery_codes_generated"
	WebAuthnAdded            Kind = "webauthn_added"
	WebAuthnRemoved          Kind = "webauthn_removed"
	ProviderConnected        Kind = "provider_connected"
	ProviderDisconnected     Kind = "provider_disconnected"
	PhoneAdded               Kind = "phone_added"
	PhoneChanged             Kind = "phone_changed"
	AccountRestored          Kind = "account_restored" // by an undo link
	SMSAccountChanged        Kind = "sms_account_changed"
	SMSPhoneChanged          Kind = "sms_phone_changed" // to the old number
	SMSAccountRestored       Kind = "sms_account_restored"
)

// changes are the kinds that tell of a changed way into an account: they carry a link that
// undoes the change, where their recipient may have one.
var changes = []Kind{
	PasswordChanged, PasswordSet, PasswordReset, EmailChanged, EmailDeleted, EmailAdded, EmailConfirmed, TOTPActivated, TOTPDeactivated,
	RecoveryCodesGenerated, WebAuthnAdded, WebAuthnRemoved, ProviderConnected, ProviderDisconnected, PhoneAdded, PhoneChanged,
	SMSAccountChanged, SMSPhoneChanged,
}

// mails and texts are all kinds that are sent.
var (
	mails = []Kind{
		VerifyEmailCode, VerifyEmailLink, LoginCode, ProofCode, PasswordResetCode, PasswordResetLink, UnknownAccount, AccountAlreadyExists,
		PasswordChanged, PasswordSet, PasswordReset, PasswordUnproved, EmailChanged, EmailDeleted, EmailAdded, EmailConfirmed, RefreshTokenReused,
		NewDevice, AccountDeletionScheduled, AccountDeletionCancelled, AccountDeleted, TOTPActivated, TOTPDeactivated,
		RecoveryCodesGenerated, WebAuthnAdded, WebAuthnRemoved, ProviderConnected, ProviderDisconnected, PhoneAdded, PhoneChanged,
		AccountRestored,
	}
	texts = []Kind{SMSCode, SMSAccountAlreadyExists, SMSAccountChanged, SMSPhoneChanged, SMSAccountRestored}
	kinds = slices.Concat(mails, texts)
)

// isText reports whether it goes to a phone.
func (k Kind) isText() bool { return slices.Contains(texts, k) }

// carriesUndo reports whether it has to show the link that undoes a change.
func (k Kind) carriesUndo() bool { return slices.Contains(changes, k) }

// carriesCode reports whether it is worth nothing without a code.
func (k Kind) carriesCode() bool {
	return slices.Contains([]Kind{VerifyEmailCode, LoginCode, ProofCode, PasswordResetCode, SMSCode}, k)
}

// carriesLink is the name of the link that it is worth nothing without; empty for none.
func (k Kind) carriesLink() string {
	switch k {
	case VerifyEmailLink:
		return linkConfirmEmail
	case PasswordResetLink:
		return linkReset
	}

	return ""
}
