// Package format owns the file by which users move between Latchkey and other systems: its lines, how they are
// read and written, and their digest. docs/moving-in-format.md describes it. It does not know what an import
// does with a line (internal/moving).
package format

import "encoding/hex"

// Version is `format` of the head.
const Version = 1

// Kind is what a line is about.
type Kind string

// The kinds. A head is the first line and an end the last one.
const (
	KindHead    Kind = "head"
	KindTenant  Kind = "tenant"
	KindUser    Kind = "user"
	KindSession Kind = "session"
	KindGone    Kind = "gone"
	KindEnd     Kind = "end"
)

// Line is one line that was read. Exactly one of its pointers is set.
type Line struct {
	// Number counts from 1.
	Number int
	// Sum is SHA-256 of the canonical form: zero for an end.
	Sum [32]byte

	Head    *Head
	Tenant  *Tenant
	User    *User
	Session *Session
	Gone    *Gone
	End     *End
}

// Head is the first line: where the others come from, and what holds for all of them.
type Head struct {
	Kind   Kind   `json:"kind"`
	Format int    `json:"format"`
	Source string `json:"source"`
	// IDs says what the ids of users are: int, uuid or text.
	IDs string `json:"ids"`
	// Rotation says whether the source hands out a new refresh token at each refresh.
	Rotation bool  `json:"rotation,omitzero"`
	TOTP     *TOTP `json:"totp,omitzero"`
	// Complete is nil or true where a user who has no line does not exist at the source. False: a difference.
	Complete   *bool `json:"complete,omitzero"`
	ExportedAt Time  `json:"exported_at,omitzero"`
}

// IsComplete reports whether the file has all users and sessions of its source.
func (h *Head) IsComplete() bool { return h.Complete == nil || *h.Complete }

// TOTP is what holds for all TOTP authenticators of the source.
type TOTP struct {
	Digits int `json:"digits"`
	Period int `json:"period"`
}

// Tenant is an organisation that users belong to.
type Tenant struct {
	Kind      Kind   `json:"kind"`
	ID        ID     `json:"id"`
	Name      string `json:"name"`
	CreatedAt Time   `json:"created_at,omitzero"`
}

// User is a user with all ways in. A text that is empty counts as absent.
type User struct {
	Kind      Kind   `json:"kind"`
	ID        ID     `json:"id"`
	Display   string `json:"display,omitzero"`
	Username  string `json:"username,omitzero"`
	CreatedAt Time   `json:"created_at,omitzero"`
	Disabled  bool   `json:"disabled,omitzero"`
	// Password is the hash, as the source has it.
	Password string `json:"password,omitzero"`
	// PasswordHook says that the source verifies the password of this user, and hands out no hash.
	PasswordHook   bool               `json:"password_hook,omitzero"`
	WebAuthnHandle Bytes              `json:"webauthn_handle,omitzero"`
	Emails         []Email            `json:"emails,omitempty"`
	Phone          *Phone             `json:"phone,omitzero"`
	TOTP           *TOTPAuthenticator `json:"totp,omitzero"`
	RecoveryCodes  *RecoveryCodes     `json:"recovery_codes,omitzero"`
	WebAuthn       []Credential       `json:"webauthn,omitempty"`
	Providers      []ProviderAccount  `json:"providers,omitempty"`
	Tenants        []Membership       `json:"tenants,omitempty"`
}

// Email is an address of a user.
type Email struct {
	Address  string `json:"address"`
	Verified bool   `json:"verified,omitzero"`
	Primary  bool   `json:"primary,omitzero"`
}

// Phone is the number of a user.
type Phone struct {
	Number   string `json:"number"`
	Verified bool   `json:"verified,omitzero"`
}

// TOTPAuthenticator is the authenticator app of a user. Secret is base32 without padding.
type TOTPAuthenticator struct {
	ID         ID     `json:"id,omitzero"`
	Secret     string `json:"secret"`
	CreatedAt  Time   `json:"created_at,omitzero"`
	LastUsedAt Time   `json:"last_used_at,omitzero"`
}

// RecoveryCodes is the set of recovery codes of a user. Used has the positions of those that were used.
type RecoveryCodes struct {
	ID         ID       `json:"id,omitzero"`
	Codes      []string `json:"codes"`
	Used       []int    `json:"used,omitempty"`
	ViewedAt   Time     `json:"viewed_at,omitzero"`
	CreatedAt  Time     `json:"created_at,omitzero"`
	LastUsedAt Time     `json:"last_used_at,omitzero"`
}

// Credential is a security key or passkey of a user.
type Credential struct {
	ID           ID     `json:"id,omitzero"`
	Name         string `json:"name,omitzero"`
	CredentialID Bytes  `json:"credential_id"`
	// PublicKey is a COSE_Key.
	PublicKey      Bytes    `json:"public_key"`
	SignCount      int64    `json:"sign_count,omitzero"`
	AAGUID         string   `json:"aaguid,omitzero"`
	Transports     []string `json:"transports,omitempty"`
	BackupEligible bool     `json:"backup_eligible,omitzero"`
	BackupState    bool     `json:"backup_state,omitzero"`
	// Passwordless is nil where the source does not know whether the key was asked for as one that signs in
	// alone.
	Passwordless *bool `json:"passwordless,omitzero"`
	// RPIDHash is SHA-256 of the relying party's id that the key was made for.
	RPIDHash   Bytes `json:"rp_id_hash"`
	CreatedAt  Time  `json:"created_at,omitzero"`
	LastUsedAt Time  `json:"last_used_at,omitzero"`
}

// ProviderAccount is the account of a user at Apple, Google or another provider.
type ProviderAccount struct {
	Provider     string `json:"provider"`
	UID          string `json:"uid"`
	Display      string `json:"display,omitzero"`
	ClientID     string `json:"client_id,omitzero"`
	RefreshToken string `json:"refresh_token,omitzero"`
	CreatedAt    Time   `json:"created_at,omitzero"`
	LastUsedAt   Time   `json:"last_used_at,omitzero"`
}

// Membership says that a user belongs to a tenant.
type Membership struct {
	ID      ID   `json:"id"`
	Primary bool `json:"primary,omitzero"`
}

// Session is a signed-in device. Its tokens are here as hashes only.
type Session struct {
	Kind        Kind      `json:"kind"`
	User        ID        `json:"user"`
	TokenSHA256 Bytes     `json:"token_sha256"`
	CreatedAt   Time      `json:"created_at,omitzero"`
	LastSeenAt  Time      `json:"last_seen_at,omitzero"`
	ExpiresAt   Time      `json:"expires_at"`
	UserAgent   string    `json:"user_agent,omitzero"`
	Address     string    `json:"address,omitzero"`
	Methods     []Method  `json:"methods,omitempty"`
	Refresh     []Refresh `json:"refresh,omitempty"`
}

// Method is one proof that the user gave in a session, as allauth lists them. At counts whole seconds since 1970.
type Method struct {
	Method          string `json:"method"`
	At              int64  `json:"at"`
	Email           string `json:"email,omitzero"`
	Username        string `json:"username,omitzero"`
	Phone           string `json:"phone,omitzero"`
	Reauthenticated bool   `json:"reauthenticated,omitzero"`
	// ID and Type are of the authenticator, where Method is mfa.
	ID           ID     `json:"id,omitzero"`
	Type         string `json:"type,omitzero"`
	Passwordless bool   `json:"passwordless,omitzero"`
	Provider     string `json:"provider,omitzero"`
	UID          string `json:"uid,omitzero"`
}

// Refresh is a refresh token that the source handed out, and that is still good there.
type Refresh struct {
	JTISHA256 Bytes `json:"jti_sha256"`
	ExpiresAt Time  `json:"expires_at"`
}

// Gone says that a user, or a session, does not exist any more at the source. One of the two is set.
type Gone struct {
	Kind Kind `json:"kind"`
	User ID   `json:"user,omitzero"`
	// Session is token_sha256 of the session.
	Session Bytes `json:"session,omitzero"`
}

// End is the last line. Digest is that of all lines before it.
type End struct {
	Kind     Kind   `json:"kind"`
	Users    int64  `json:"users"`
	Sessions int64  `json:"sessions"`
	Digest   string `json:"digest"`
}

// Digest is the sum of the SHA-256 of lines, modulo 2^256. It does not depend on their order.
type Digest [32]byte

// Add adds the SHA-256 of one line.
func (d *Digest) Add(sum [32]byte) {
	carry := 0
	for i := len(d) - 1; i >= 0; i-- {
		carry += int(d[i]) + int(sum[i])
		d[i] = byte(carry) //nolint:gosec // G115: the low byte is what is meant
		carry >>= 8
	}
}

// String returns 64 lower-case hexadecimal digits.
func (d *Digest) String() string { return hex.EncodeToString(d[:]) }
