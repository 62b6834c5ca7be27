package latchkey

import (
	"fmt"
	"io"
	"log/slog"
)

// The generated types that have a token, a password, a code or a secret print as their names. Their
// JSON is the protocol and has everything. TestSecrets_ofGeneratedTypes finds those that are missing.

func hide(f fmt.State, name string) { _, _ = io.WriteString(f, "latchkey."+name+"(secret)") }

func hidden(name string) slog.Value { return slog.StringValue("latchkey." + name + "(secret)") }

// Format implements [fmt.Formatter]: each verb prints the name of the type.
func (AccountUndoRequest) Format(f fmt.State, _ rune) { hide(f, "AccountUndoRequest") }

// LogValue implements [slog.LogValuer].
func (AccountUndoRequest) LogValue() slog.Value { return hidden("AccountUndoRequest") }

// Format implements [fmt.Formatter]: each verb prints the name of the type.
func (AccountUndoneMeta) Format(f fmt.State, _ rune) { hide(f, "AccountUndoneMeta") }

// LogValue implements [slog.LogValuer].
func (AccountUndoneMeta) LogValue() slog.Value { return hidden("AccountUndoneMeta") }

// Format implements [fmt.Formatter]: each verb prints the name of the type.
func (AuthenticatedMeta) Format(f fmt.State, _ rune) { hide(f, "AuthenticatedMeta") }

// LogValue implements [slog.LogValuer].
func (AuthenticatedMeta) LogValue() slog.Value { return hidden("AuthenticatedMeta") }

// Format implements [fmt.Formatter]: each verb prints the name of the type.
func (ChangePasswordRequest) Format(f fmt.State, _ rune) { hide(f, "ChangePasswordRequest") }

// LogValue implements [slog.LogValuer].
func (ChangePasswordRequest) LogValue() slog.Value { return hidden("ChangePasswordRequest") }

// Format implements [fmt.Formatter]: each verb prints the name of the type.
func (CodeRequest) Format(f fmt.State, _ rune) { hide(f, "CodeRequest") }

// LogValue implements [slog.LogValuer].
func (CodeRequest) LogValue() slog.Value { return hidden("CodeRequest") }

// Format implements [fmt.Formatter]: each verb prints the name of the type.
func (GetEmailVerificationParams) Format(f fmt.State, _ rune) { hide(f, "GetEmailVerificationParams") }

// LogValue implements [slog.LogValuer].
func (GetEmailVerificationParams) LogValue() slog.Value { return hidden("GetEmailVerificationParams") }

// Format implements [fmt.Formatter]: each verb prints the name of the type.
func (GetPasswordResetParams) Format(f fmt.State, _ rune) { hide(f, "GetPasswordResetParams") }

// LogValue implements [slog.LogValuer].
func (GetPasswordResetParams) LogValue() slog.Value { return hidden("GetPasswordResetParams") }

// Format implements [fmt.Formatter]: each verb prints the name of the type.
func (LoginRequest) Format(f fmt.State, _ rune) { hide(f, "LoginRequest") }

// LogValue implements [slog.LogValuer].
func (LoginRequest) LogValue() slog.Value { return hidden("LoginRequest") }

// Format implements [fmt.Formatter]: each verb prints the name of the type.
func (NewSessionMeta) Format(f fmt.State, _ rune) { hide(f, "NewSessionMeta") }

// LogValue implements [slog.LogValuer].
func (NewSessionMeta) LogValue() slog.Value { return hidden("NewSessionMeta") }

// Format implements [fmt.Formatter]: each verb prints the name of the type.
func (ProviderToken) Format(f fmt.State, _ rune) { hide(f, "ProviderToken") }

// LogValue implements [slog.LogValuer].
func (ProviderToken) LogValue() slog.Value { return hidden("ProviderToken") }

// Format implements [fmt.Formatter]: each verb prints the name of the type.
func (ReauthenticateRequest) Format(f fmt.State, _ rune) { hide(f, "ReauthenticateRequest") }

// LogValue implements [slog.LogValuer].
func (ReauthenticateRequest) LogValue() slog.Value { return hidden("ReauthenticateRequest") }

// Format implements [fmt.Formatter]: each verb prints the name of the type.
func (RecoveryCodes) Format(f fmt.State, _ rune) { hide(f, "RecoveryCodes") }

// LogValue implements [slog.LogValuer].
func (RecoveryCodes) LogValue() slog.Value { return hidden("RecoveryCodes") }

// Format implements [fmt.Formatter]: each verb prints the name of the type.
func (RefreshTokenPairRequest) Format(f fmt.State, _ rune) { hide(f, "RefreshTokenPairRequest") }

// LogValue implements [slog.LogValuer].
func (RefreshTokenPairRequest) LogValue() slog.Value { return hidden("RefreshTokenPairRequest") }

// Format implements [fmt.Formatter]: each verb prints the name of the type.
func (RefreshTokenRequest) Format(f fmt.State, _ rune) { hide(f, "RefreshTokenRequest") }

// LogValue implements [slog.LogValuer].
func (RefreshTokenRequest) LogValue() slog.Value { return hidden("RefreshTokenRequest") }

// Format implements [fmt.Formatter]: each verb prints the name of the type.
func (ResetPasswordRequest) Format(f fmt.State, _ rune) { hide(f, "ResetPasswordRequest") }

// LogValue implements [slog.LogValuer].
func (ResetPasswordRequest) LogValue() slog.Value { return hidden("ResetPasswordRequest") }

// Format implements [fmt.Formatter]: each verb prints the name of the type.
func (SignOutRequest) Format(f fmt.State, _ rune) { hide(f, "SignOutRequest") }

// LogValue implements [slog.LogValuer].
func (SignOutRequest) LogValue() slog.Value { return hidden("SignOutRequest") }

// Format implements [fmt.Formatter]: each verb prints the name of the type.
func (SignupRequest) Format(f fmt.State, _ rune) { hide(f, "SignupRequest") }

// LogValue implements [slog.LogValuer].
func (SignupRequest) LogValue() slog.Value { return hidden("SignupRequest") }

// Format implements [fmt.Formatter]: each verb prints the name of the type.
func (TokenPair) Format(f fmt.State, _ rune) { hide(f, "TokenPair") }

// LogValue implements [slog.LogValuer].
func (TokenPair) LogValue() slog.Value { return hidden("TokenPair") }

// Format implements [fmt.Formatter]: each verb prints the name of the type.
func (TOTPSetup) Format(f fmt.State, _ rune) { hide(f, "TOTPSetup") }

// LogValue implements [slog.LogValuer].
func (TOTPSetup) LogValue() slog.Value { return hidden("TOTPSetup") }

// Format implements [fmt.Formatter]: each verb prints the name of the type.
func (UnauthenticatedMeta) Format(f fmt.State, _ rune) { hide(f, "UnauthenticatedMeta") }

// LogValue implements [slog.LogValuer].
func (UnauthenticatedMeta) LogValue() slog.Value { return hidden("UnauthenticatedMeta") }

// Format implements [fmt.Formatter]: each verb prints the name of the type.
func (VerifyEmailRequest) Format(f fmt.State, _ rune) { hide(f, "VerifyEmailRequest") }

// LogValue implements [slog.LogValuer].
func (VerifyEmailRequest) LogValue() slog.Value { return hidden("VerifyEmailRequest") }

// Format implements [fmt.Formatter]: each verb prints the name of the type.
func (GetAccountUndoParams) Format(f fmt.State, _ rune) { hide(f, "GetAccountUndoParams") }

// LogValue implements [slog.LogValuer].
func (GetAccountUndoParams) LogValue() slog.Value { return hidden("GetAccountUndoParams") }
