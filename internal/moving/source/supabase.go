package source

import (
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/latchkey-auth/latchkey/internal/moving/format"
)

// supabaseUser is a row of auth.users with its rows of auth.identities, auth.mfa_factors and
// auth.webauthn_credentials, as the statement of docs/moving-in-sources.md writes them. The columns are those of
// the migrations of github.com/supabase/auth.
type supabaseUser struct {
	ID               string `json:"id"`
	Email            string `json:"email"`
	Password         string `json:"encrypted_password"`
	EmailConfirmedAt string `json:"email_confirmed_at"`
	Phone            string `json:"phone"`
	PhoneConfirmedAt string `json:"phone_confirmed_at"`
	BannedUntil      string `json:"banned_until"`
	DeletedAt        string `json:"deleted_at"`
	CreatedAt        string `json:"created_at"`
	IsSSO            bool   `json:"is_sso_user"`
	IsAnonymous      bool   `json:"is_anonymous"`

	Metadata struct {
		FullName jsontext.Value `json:"full_name"`
		Name     jsontext.Value `json:"name"`
	} `json:"raw_user_meta_data"`
	Identities []struct {
		Provider   string `json:"provider"`
		ProviderID string `json:"provider_id"`
		Email      string `json:"email"`
		CreatedAt  string `json:"created_at"`
	} `json:"identities"`
	Factors []struct {
		ID        string `json:"id"`
		Type      string `json:"factor_type"`
		Status    string `json:"status"`
		Secret    string `json:"secret"`
		CreatedAt string `json:"created_at"`
	} `json:"mfa_factors"`
	Keys []struct {
		ID             string   `json:"id"`
		Name           string   `json:"friendly_name"`
		CredentialID   string   `json:"credential_id"`
		PublicKey      string   `json:"public_key"`
		AAGUID         string   `json:"aaguid"`
		SignCount      int64    `json:"sign_count"`
		Transports     []string `json:"transports"`
		BackupEligible bool     `json:"backup_eligible"`
		BackedUp       bool     `json:"backed_up"`
		CreatedAt      string   `json:"created_at"`
	} `json:"webauthn_credentials"`
}

func readSupabase(in io.Reader, w *writer) error {
	return eachLine(in, w, func(line []byte) error {
		var s supabaseUser
		if err := w.decode(line, &s); err != nil {
			return err
		}
		w.begin(w.at, s.ID)

		switch {
		case s.DeletedAt != "":
			w.note("is deleted, and does not move")
			return nil
		case s.IsAnonymous:
			w.note("is anonymous, and does not move")
			return nil
		}

		return w.write(w.supabase(&s))
	})
}

// isSealed reports whether a column is encrypted with a key of the source: then it is a JSON object.
func isSealed(text string) bool { return strings.HasPrefix(strings.TrimSpace(text), "{") }

func (w *writer) supabase(s *supabaseUser) *format.User {
	u := &format.User{ID: format.ID(s.ID), CreatedAt: moment(s.CreatedAt), Display: text(s.Metadata.FullName,
		s.Metadata.Name)}
	if banned := moment(s.BannedUntil); banned.After(w.options.Now) {
		u.Disabled = true
	}
	if s.Email != "" {
		// Two SSO users may have one address, so that it proves nothing.
		u.Emails = []format.Email{{Address: s.Email, Verified: s.EmailConfirmedAt != "" && !s.IsSSO, Primary: true}}
	}
	if s.Phone != "" {
		u.Phone = &format.Phone{Number: number(s.Phone), Verified: s.PhoneConfirmedAt != ""}
	}
	if s.IsSSO {
		w.note("signs in by SSO, which does not move; the address counts as unverified")
	}

	switch {
	case isSealed(s.Password):
		w.hook(u, "it is encrypted with a key of Supabase")
	case s.Password != "":
		u.Password = s.Password
	}
	w.supabaseFactors(u, s)

	for _, i := range s.Identities {
		isOwn := i.Provider == "email" || i.Provider == "phone" || strings.HasPrefix(i.Provider, "sso:")
		if !isOwn {
			w.addProvider(u, format.ProviderAccount{
				Provider: i.Provider, UID: i.ProviderID, Display: i.Email,
				CreatedAt: moment(i.CreatedAt),
			})
		}
	}

	return u
}

func (w *writer) supabaseFactors(u *format.User, s *supabaseUser) {
	for _, f := range s.Factors {
		switch {
		case f.Status != "verified":
			w.note("a factor that was never verified does not move")
		case f.Type != "totp":
			w.note("a second factor that is no TOTP authenticator does not move")
		case isSealed(f.Secret):
			w.note("a TOTP authenticator does not move: its secret is encrypted with a key of Supabase")
		default:
			w.addTOTP(u, format.TOTPAuthenticator{Secret: strings.TrimRight(f.Secret, "="), CreatedAt: moment(f.CreatedAt)},
				"", 0, 0)
		}
	}

	for _, k := range s.Keys {
		id, _ := binary(k.CredentialID)
		key, _ := binary(k.PublicKey)
		w.addKey(u, format.Credential{
			Name: k.Name, CredentialID: id, PublicKey: key, SignCount: k.SignCount, AAGUID: strings.ToLower(k.AAGUID),
			Transports:     k.Transports,
			BackupEligible: k.BackupEligible, BackupState: k.BackedUp, CreatedAt: moment(k.CreatedAt),
		})
	}
}

// text is the first value that is a JSON string with something in it.
func text(values ...jsontext.Value) string {
	for _, v := range values {
		if v.Kind() != '"' {
			continue
		}
		if unquoted, err := jsontext.AppendUnquote(nil, v); err == nil && len(unquoted) > 0 {
			return string(unquoted)
		}
	}

	return ""
}
