package source

import (
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/latchkey-auth/latchkey/internal/moving/format"
)

// auth0User is a line of one of two files. The profile is what a job users-exports writes: "Bulk Export User Data"
// of auth0.com/docs/manage-users/user-migration/bulk-user-exports. The hashes come from Auth0's support: "Export
// Data" of auth0.com/docs/moving-out.
type auth0User struct {
	// Of the profile.
	UserID        string         `json:"user_id"`
	Username      string         `json:"username"`
	Name          string         `json:"name"`
	Phone         string         `json:"phone_number"`
	PhoneVerified bool           `json:"phone_verified"`
	Blocked       bool           `json:"blocked"`
	CreatedAt     string         `json:"created_at"`
	Multifactor   jsontext.Value `json:"multifactor"`
	Identities    []struct {
		Provider   string         `json:"provider"`
		UserID     jsontext.Value `json:"user_id"`
		Connection string         `json:"connection"`
	} `json:"identities"`

	// Of the hashes.
	OID struct {
		OID string `json:"$oid"`
	} `json:"_id"`
	AltID       string `json:"alt_id"`
	Hash        string `json:"passwordHash"`
	Identifiers []struct {
		Type     string `json:"type"`
		Value    string `json:"value"`
		Verified bool   `json:"verified"`
	} `json:"identifiers"`

	// Of both.
	Email         string `json:"email"`
	EmailVerified bool   `json:"email_verified"`
}

// id is user_id.
func (a *auth0User) id() string {
	switch {
	case a.UserID != "":
		return a.UserID
	case a.AltID != "":
		return "auth0|" + a.AltID
	case a.OID.OID != "":
		return "auth0|" + a.OID.OID
	}

	return ""
}

// auth0Subject is an id without the |, which no subject can have here.
func auth0Subject(id string) string { return strings.ReplaceAll(id, "|", "_") }

// auth0Providers are Auth0's names of providers, and ours.
var auth0Providers = map[string]string{
	"google-oauth2": "google", "apple": "apple", "facebook": "facebook",
	"github": "github", "twitter": "twitter", "windowslive": "microsoft", "linkedin": "linkedin",
}

func readAuth0(in io.Reader, w *writer) error {
	hashes, err := readAuth0Hashes(w)
	if err != nil {
		return err
	}

	return eachLine(in, w, func(line []byte) error {
		var a auth0User
		if err := w.decode(line, &a); err != nil {
			return err
		}
		id := a.id()
		w.begin(w.at, auth0Subject(id))
		if a.Hash == "" {
			a.Hash = hashes[id]
		}

		return w.write(w.auth0(&a))
	})
}

// readAuth0Hashes reads the file of hashes, by user_id.
func readAuth0Hashes(w *writer) (map[string]string, error) {
	hashes := map[string]string{}
	if w.options.Config == nil {
		return hashes, nil
	}

	// Its notes and errors are about another file.
	second := &writer{options: w.options}
	err := eachLine(w.options.Config, second, func(line []byte) error {
		var a auth0User
		if err := second.decode(line, &a); err != nil {
			return err
		}
		id := a.id()
		if id == "" {
			return second.fail("a hash of nobody: it has neither _id nor alt_id")
		}
		hashes[id] = a.Hash

		return nil
	})

	return hashes, err
}

func (w *writer) auth0(a *auth0User) *format.User {
	u := &format.User{
		ID: format.ID(auth0Subject(a.id())), Username: a.Username, Disabled: a.Blocked, CreatedAt: moment(a.CreatedAt),
		Password: a.Hash,
	}
	if a.Name != a.Email {
		u.Display = a.Name
	}

	a.addNames(u)
	if w.auth0Providers(u, a) && u.Password == "" {
		w.hook(u, "no file has its hash")
	}
	if hasSomething(a.Multifactor) {
		w.note("second factors do not move: Auth0 hands out no secrets")
	}

	return u
}

// addNames adds addresses, user name and number. Some are in identifiers alone.
func (a *auth0User) addNames(u *format.User) {
	if a.Email != "" {
		u.Emails = []format.Email{{Address: a.Email, Verified: a.EmailVerified}}
	}

	phone := format.Phone{Number: number(a.Phone), Verified: a.PhoneVerified}
	for _, i := range a.Identifiers {
		isThere := slices.ContainsFunc(u.Emails, func(e format.Email) bool { return strings.EqualFold(e.Address, i.Value) })
		switch {
		case i.Type == "email" && !isThere:
			u.Emails = append(u.Emails, format.Email{Address: i.Value, Verified: i.Verified})
		case i.Type == "username" && u.Username == "":
			u.Username = i.Value
		case i.Type == "phone_number" && phone.Number == "":
			phone = format.Phone{Number: number(i.Value), Verified: i.Verified}
		}
	}

	if len(u.Emails) > 0 {
		u.Emails[0].Primary = true
	}
	if phone.Number != "" {
		u.Phone = &phone
	}
}

// auth0Providers adds the accounts at providers, and reports whether the user has a password at Auth0.
func (w *writer) auth0Providers(u *format.User, a *auth0User) bool {
	hasPassword := len(a.Identities) == 0 && strings.HasPrefix(a.id(), "auth0|")
	for _, i := range a.Identities {
		switch name, known := auth0Providers[i.Provider]; {
		case i.Provider == "auth0":
			hasPassword = true
		case i.Provider == "email" || i.Provider == "sms":
		case known:
			w.addProvider(u, format.ProviderAccount{Provider: name, UID: scalar(i.UserID), Display: a.Email})
		default:
			w.note("an account at a provider that no phone signs in with does not move")
		}
	}

	return hasPassword
}

// scalar is a JSON string or number as text.
func scalar(v jsontext.Value) string {
	if v.Kind() == '0' {
		return string(v)
	}

	return text(v)
}

// hasSomething reports whether a value is a list or object with something in it.
func hasSomething(v jsontext.Value) bool {
	isEmpty := len(v) == 0 || v.Kind() == 'n' || v.Kind() == 'f' || string(v) == "[]" || string(v) == "{}"

	return !isEmpty
}
