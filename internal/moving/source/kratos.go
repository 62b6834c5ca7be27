package source

import (
	"errors"
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/moving/format"
)

// kratosUser is an identity as the admin API of Ory Kratos writes it, with include_credential for each kind: "List
// Identities" and Identity of ory.com/docs/reference/api. The members of config are those of the Go types of
// github.com/ory/kratos (selfservice/strategy).
type kratosUser struct {
	ID        string         `json:"id"`
	State     string         `json:"state"`
	Traits    jsontext.Value `json:"traits"`
	CreatedAt string         `json:"created_at"`
	Addresses []struct {
		Via      string `json:"via"`
		Value    string `json:"value"`
		Verified bool   `json:"verified"`
	} `json:"verifiable_addresses"`
	Credentials map[string]struct {
		Config jsontext.Value `json:"config"`
	} `json:"credentials"`
}

type kratosConfig struct {
	Hash   string `json:"hashed_password"`
	TOTP   string `json:"totp_url"`
	Handle []byte `json:"user_handle"`

	Providers []struct {
		Subject  string `json:"subject"`
		Provider string `json:"provider"`
	} `json:"providers"`
	Codes []struct {
		Code   string         `json:"code"`
		UsedAt jsontext.Value `json:"used_at"`
	} `json:"recovery_codes"`
}

type kratosKey struct {
	ID            []byte `json:"id"`
	PublicKey     []byte `json:"public_key"`
	Name          string `json:"display_name"`
	Passwordless  *bool  `json:"is_passwordless"`
	AddedAt       string `json:"added_at"`
	Authenticator struct {
		AAGUID    []byte `json:"aaguid"`
		SignCount int64  `json:"sign_count"`
	} `json:"authenticator"`
	Flags struct {
		BackupEligible bool `json:"backup_eligible"`
		BackupState    bool `json:"backup_state"`
	} `json:"flags"`
	Transports []string `json:"transport"`
}

// mapping says which traits are what: paths with dots.
type mapping struct {
	Email    string `json:"email"`
	Username string `json:"username"`
	Display  string `json:"display"`
	Phone    string `json:"phone"`
}

var errMapping = errors.New(`--from-config: want a JSON object such as {"email": "email", "display": "name.first"}; ` +
	"its members are email, username, display and phone")

func readMapping(in io.Reader) (mapping, error) {
	m := mapping{Email: "email"}
	if in == nil {
		return m, nil
	}
	text, err := io.ReadAll(io.LimitReader(in, maxConfig))
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m, json.RejectUnknownMembers(true)); err != nil {
		return m, errMapping
	}

	return m, nil
}

func readKratos(in io.Reader, w *writer) error {
	traits, err := readMapping(w.options.Config)
	if err != nil {
		return err
	}

	return eachElement(in, w, "identities", func(element []byte) error {
		var k kratosUser
		if err := w.decode(element, &k); err != nil {
			return err
		}
		w.begin(w.at, k.ID)

		return w.write(w.kratos(&k, traits))
	})
}

// trait reads a trait by its path.
func trait(traits jsontext.Value, path string) string {
	if path == "" {
		return ""
	}
	for _, name := range strings.Split(path, ".") {
		var object map[string]jsontext.Value
		if json.Unmarshal(traits, &object) != nil {
			return ""
		}
		traits = object[name]
	}

	return text(traits)
}

func (w *writer) kratos(k *kratosUser, m mapping) *format.User {
	u := &format.User{
		ID: format.ID(k.ID), CreatedAt: moment(k.CreatedAt), Disabled: k.State != "" && k.State != "active",
		Username: trait(k.Traits, m.Username), Display: trait(k.Traits, m.Display),
	}
	verified := map[string]bool{}
	for _, a := range k.Addresses {
		verified[strings.ToLower(a.Value)] = a.Verified
	}

	if address := trait(k.Traits, m.Email); address != "" {
		u.Emails = []format.Email{{Address: address, Verified: verified[strings.ToLower(address)], Primary: true}}
	}
	for _, a := range k.Addresses {
		isMore := a.Via == "email" && (len(u.Emails) == 0 || !strings.EqualFold(a.Value, u.Emails[0].Address))
		if isMore {
			u.Emails = append(u.Emails, format.Email{Address: a.Value, Verified: a.Verified, Primary: len(u.Emails) == 0})
		}
	}
	if phone := trait(k.Traits, m.Phone); phone != "" {
		u.Phone = &format.Phone{Number: phone, Verified: verified[strings.ToLower(phone)]}
	}

	for _, kind := range []string{"password", "totp", "lookup_secret", "webauthn", "passkey", "oidc"} {
		if c, has := k.Credentials[kind]; has {
			w.kratosCredential(u, kind, c.Config)
		}
	}

	return u
}

func (w *writer) kratosCredential(u *format.User, kind string, config jsontext.Value) {
	var c kratosConfig
	var keys struct {
		Keys []kratosKey `json:"credentials"`
	}
	isRead := len(config) > 0 && json.Unmarshal(config, &c) == nil && json.Unmarshal(config, &keys) == nil
	if !isRead {
		w.note("credentials of the kind " + kind + " do not move: their config is not there, or of another shape")
		return
	}

	switch kind {
	case "password":
		w.kratosPassword(u, c.Hash)
	case "totp":
		w.kratosTOTP(u, c.TOTP)
	case "lookup_secret":
		codes := &format.RecoveryCodes{}
		for i, code := range c.Codes {
			codes.Codes = append(codes.Codes, code.Code)
			if text(code.UsedAt) != "" && !strings.HasPrefix(text(code.UsedAt), "0001-") {
				codes.Used = append(codes.Used, i)
			}
		}
		if len(codes.Codes) > 0 {
			u.RecoveryCodes = codes
		}
	case "oidc":
		for _, p := range c.Providers {
			w.addProvider(u, format.ProviderAccount{Provider: p.Provider, UID: p.Subject})
		}
	default:
		w.kratosKeys(u, c.Handle, keys.Keys)
	}
}

// kratosPassword takes a hash. Kratos calls SHA-3 of 224 and 384 bits sha224 and sha384 in PBKDF2.
func (w *writer) kratosPassword(u *format.User, hash string) {
	isSHA3 := strings.HasPrefix(hash, "$pbkdf2-sha224$") || strings.HasPrefix(hash, "$pbkdf2-sha384$")
	switch {
	case hash == "":
		w.hook(u, "its hash is not in the file")
	case isSHA3:
		w.hook(u, "it is PBKDF2 of SHA-3, which Latchkey does not verify")
	default:
		u.Password = hash
	}
}

// kratosTOTP reads an otpauth address.
func (w *writer) kratosTOTP(u *format.User, address string) {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Scheme != "otpauth" || parsed.Host != "totp" {
		w.note("a TOTP authenticator does not move: totp_url is no otpauth address")
		return
	}

	q := parsed.Query()
	digits, period := q.Get("digits"), q.Get("period")
	isNumber := func(text string) (int, bool) {
		if text == "" {
			return 0, true
		}
		n, err := strconv.Atoi(text)

		return n, err == nil
	}
	d, isDigits := isNumber(digits)
	p, isPeriod := isNumber(period)
	if !isDigits || !isPeriod {
		w.note("a TOTP authenticator does not move: digits or period of totp_url is no number")
		return
	}
	w.addTOTP(u, format.TOTPAuthenticator{Secret: strings.TrimRight(q.Get("secret"), "=")}, q.Get("algorithm"), d, p)
}

func (w *writer) kratosKeys(u *format.User, handle []byte, keys []kratosKey) {
	before := len(u.WebAuthn)
	for _, k := range keys {
		model := ""
		if id, err := uuid.FromBytes(k.Authenticator.AAGUID); err == nil {
			model = id.String()
		}
		w.addKey(u, format.Credential{
			Name: k.Name, CredentialID: k.ID, PublicKey: k.PublicKey, SignCount: k.Authenticator.SignCount, AAGUID: model,
			Transports:     k.Transports,
			BackupEligible: k.Flags.BackupEligible, BackupState: k.Flags.BackupState, Passwordless: k.Passwordless,
			CreatedAt: moment(k.AddedAt),
		})
	}
	hasMoved := len(u.WebAuthn) > before
	if hasMoved && len(handle) > 0 && len(u.WebAuthnHandle) == 0 {
		u.WebAuthnHandle = handle
	}
}
