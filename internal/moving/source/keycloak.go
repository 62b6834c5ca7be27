package source

import (
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/latchkey-auth/latchkey/internal/moving/format"
)

// keycloakUser is an element of `users` of what `kc.sh export` writes: "Importing and exporting realms" of
// keycloak.org/server/importExport. Its members are those of UserRepresentation and CredentialRepresentation.
type keycloakUser struct {
	ID             string         `json:"id"`
	Username       string         `json:"username"`
	Email          string         `json:"email"`
	EmailVerified  bool           `json:"emailVerified"`
	FirstName      string         `json:"firstName"`
	LastName       string         `json:"lastName"`
	Enabled        *bool          `json:"enabled"`
	CreatedAt      jsontext.Value `json:"createdTimestamp"`
	ServiceAccount string         `json:"serviceAccountClientId"`
	FederationLink string         `json:"federationLink"`

	Credentials []keycloakCredential `json:"credentials"`
	Identities  []struct {
		Provider string `json:"identityProvider"`
		UserID   string `json:"userId"`
		Name     string `json:"userName"`
	} `json:"federatedIdentities"`
}

// keycloakCredential has JSON in two strings.
type keycloakCredential struct {
	Type       string         `json:"type"`
	Secret     string         `json:"secretData"`
	Data       string         `json:"credentialData"`
	CreatedAt  jsontext.Value `json:"createdDate"`
	SecretData keycloakSecret `json:"-"`
	Parameters keycloakData   `json:"-"`
}

type keycloakSecret struct {
	Value string `json:"value"`
	Salt  string `json:"salt"`
}

type keycloakData struct {
	Algorithm  string `json:"algorithm"`
	Iterations int64  `json:"hashIterations"`
	Additional struct {
		Memory      []string `json:"memory"`
		Type        []string `json:"type"`
		Version     []string `json:"version"`
		Parallelism []string `json:"parallelism"`
	} `json:"additionalParameters"`

	SubType  string `json:"subType"`
	Digits   int    `json:"digits"`
	Period   int    `json:"period"`
	Encoding string `json:"secretEncoding"`
}

func readKeycloak(in io.Reader, w *writer) error {
	return eachElement(in, w, "users", func(element []byte) error {
		var k keycloakUser
		if err := w.decode(element, &k); err != nil {
			return err
		}
		w.begin(w.at, k.ID)
		if k.ServiceAccount != "" {
			w.note("is the service account of a client, and does not move")
			return nil
		}

		return w.write(w.keycloak(&k))
	})
}

func (w *writer) keycloak(k *keycloakUser) *format.User {
	u := &format.User{
		ID: format.ID(k.ID), Display: strings.TrimSpace(k.FirstName + " " + k.LastName),
		CreatedAt: milliseconds(string(k.CreatedAt)),
		Disabled:  k.Enabled != nil && !*k.Enabled,
	}
	if !strings.EqualFold(k.Username, k.Email) { // Keycloak can take the address for the user name
		u.Username = k.Username
	}
	if k.Email != "" {
		u.Emails = []format.Email{{Address: k.Email, Verified: k.EmailVerified, Primary: true}}
	}

	for i := range k.Credentials {
		w.keycloakCredential(u, &k.Credentials[i])
	}
	if k.FederationLink != "" && u.Password == "" && !u.PasswordHook {
		w.hook(u, "it is in a user federation such as LDAP")
	}
	for _, i := range k.Identities {
		w.addProvider(u, format.ProviderAccount{Provider: i.Provider, UID: i.UserID, Display: i.Name})
	}

	return u
}

func (w *writer) keycloakCredential(u *format.User, c *keycloakCredential) {
	isRead := json.Unmarshal([]byte(c.Secret), &c.SecretData) == nil && json.Unmarshal([]byte(c.Data),
		&c.Parameters) == nil
	switch {
	case c.Type != "password" && c.Type != "otp":
		w.note("a second factor that is no TOTP authenticator does not move")
	case !isRead && c.Type == "password":
		w.hook(u, "secretData and credentialData are not the JSON of a password")
	case !isRead:
		w.note("a TOTP authenticator does not move: secretData and credentialData are not its JSON")
	case c.Type == "otp":
		w.keycloakTOTP(u, c)
	default:
		hash, why := c.hash()
		if why != "" {
			w.hook(u, why)
			return
		}
		u.Password = hash
	}
}

// hash is a password as Latchkey stores it, or why it cannot.
func (c *keycloakCredential) hash() (hash, why string) {
	salt, badSalt := base64.StdEncoding.DecodeString(c.SecretData.Salt)
	tag, badTag := base64.StdEncoding.DecodeString(c.SecretData.Value)
	if badSalt != nil || badTag != nil {
		return "", "its salt or value is not base64"
	}
	encode := base64.RawStdEncoding.EncodeToString

	digest := map[string]string{
		"pbkdf2": "sha1", "pbkdf2-sha256": "sha256",
		"pbkdf2-sha512": "sha512",
	}[c.Parameters.Algorithm]
	switch more := c.Parameters.Additional; {
	case digest != "":
		return fmt.Sprintf("$pbkdf2-%s$i=%d,l=%d$%s$%s", digest, c.Parameters.Iterations, len(tag), encode(salt),
			encode(tag)), ""
	case c.Parameters.Algorithm != "argon2":
		return "", "its algorithm is none of pbkdf2, pbkdf2-sha256, pbkdf2-sha512 and argon2"
	case first(more.Version, "1.3") != "1.3" || !isArgon2(first(more.Type, "id")):
		return "", "it is not argon2id or argon2i of version 1.3"
	default:
		memory, badMemory := strconv.Atoi(first(more.Memory, "7168"))
		parallel, badParallel := strconv.Atoi(first(more.Parallelism, "1"))
		if badMemory != nil || badParallel != nil {
			return "", "the parameters of its argon2 are no numbers"
		}

		return fmt.Sprintf("$argon2%s$v=19$m=%d,t=%d,p=%d$%s$%s", first(more.Type, "id"), memory, c.Parameters.Iterations,
			parallel, encode(salt), encode(tag)), ""
	}
}

func isArgon2(kind string) bool { return kind == "id" || kind == "i" }

// first is the first element, or else what Keycloak takes.
func first(list []string, standard string) string {
	if len(list) == 0 {
		return standard
	}

	return list[0]
}

func (w *writer) keycloakTOTP(u *format.User, c *keycloakCredential) {
	if c.Parameters.SubType != "totp" {
		w.note("a HOTP authenticator does not move")
		return
	}

	secret := c.SecretData.Value
	if c.Parameters.Encoding != "BASE32" { // else the secret is the bytes of the text itself
		secret = base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte(secret))
	}
	added := format.TOTPAuthenticator{Secret: strings.TrimRight(secret, "="), CreatedAt: milliseconds(string(c.CreatedAt))}
	w.addTOTP(u, added, c.Parameters.Algorithm, c.Parameters.Digits, c.Parameters.Period)
}
