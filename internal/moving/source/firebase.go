package source

import (
	"errors"
	"fmt"
	"io"
	"regexp"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/latchkey-auth/latchkey/internal/moving/format"
)

// firebaseUser is an element of `users` of the JSON that `firebase auth:export` writes: "auth:import and
// auth:export" of firebase.google.com/docs/cli/auth.
type firebaseUser struct {
	ID            string         `json:"localId"`
	Email         string         `json:"email"`
	EmailVerified bool           `json:"emailVerified"`
	Hash          *string        `json:"passwordHash"`
	Salt          string         `json:"salt"`
	Display       string         `json:"displayName"`
	Phone         string         `json:"phoneNumber"`
	Disabled      bool           `json:"disabled"`
	CreatedAt     jsontext.Value `json:"createdAt"`

	Providers []struct {
		ID      string `json:"providerId"`
		RawID   string `json:"rawId"`
		Email   string `json:"email"`
		Display string `json:"displayName"`
	} `json:"providerUserInfo"`
	Factors []jsontext.Value `json:"mfaInfo"`
}

// firebaseProviders are Firebase's names of providers, and ours.
var firebaseProviders = map[string]string{
	"google.com": "google", "apple.com": "apple", "facebook.com": "facebook", "github.com": "github",
	"twitter.com":   "twitter",
	"microsoft.com": "microsoft", "yahoo.com": "yahoo", "linkedin.com": "linkedin",
}

// hashConfig is the block that the console shows, without its key: LATCHKEY_FIREBASE_SIGNER_KEY has that.
type hashConfig struct{ separator, rounds, memory string }

// maxConfig is how many bytes of hash parameters, or of a mapping, are read.
const maxConfig = 64 << 10

var errHashConfig = errors.New(
	"--from-config: want hash_config as the Firebase console shows it, of the algorithm SCRYPT")

// readHashConfig reads "name: value" pairs.
func readHashConfig(in io.Reader) (*hashConfig, error) {
	if in == nil {
		return nil, nil
	}
	text, err := io.ReadAll(io.LimitReader(in, maxConfig))
	if err != nil {
		return nil, err
	}

	value := func(name string) string {
		found := regexp.MustCompile(name + `["']?\s*[:=]\s*["']?([A-Za-z0-9+/=_-]+)`).FindSubmatch(text)
		if found == nil {
			return ""
		}

		return string(found[1])
	}
	c := &hashConfig{
		separator: standard(value("base64_salt_separator")), rounds: value("rounds"),
		memory: value("mem_cost"),
	}
	isWhole := value("algorithm") == "SCRYPT" && c.separator != "" && c.rounds != "" && c.memory != ""
	if !isWhole {
		return nil, errHashConfig
	}

	return c, nil
}

func readFirebase(in io.Reader, w *writer) error {
	config, err := readHashConfig(w.options.Config)
	if err != nil {
		return err
	}

	return eachElement(in, w, "users", func(element []byte) error {
		var f firebaseUser
		if err := w.decode(element, &f); err != nil {
			return err
		}
		w.begin(w.at, f.ID)
		if f.Email == "" && f.Phone == "" && len(f.Providers) == 0 {
			w.note("is anonymous, and does not move")
			return nil
		}

		u, err := w.firebase(&f, config)
		if err != nil {
			return err
		}

		return w.write(u)
	})
}

func (w *writer) firebase(f *firebaseUser, config *hashConfig) (*format.User, error) {
	u := &format.User{
		ID: format.ID(f.ID), Display: f.Display, Disabled: f.Disabled,
		CreatedAt: milliseconds(string(f.CreatedAt)),
	}
	if f.Email != "" {
		u.Emails = []format.Email{{Address: f.Email, Verified: f.EmailVerified, Primary: true}}
	}
	if f.Phone != "" {
		u.Phone = &format.Phone{Number: number(f.Phone), Verified: true} // Firebase has no others
	}
	if len(f.Factors) > 0 {
		w.note("second factors do not move")
	}

	hasPassword := w.firebaseProviders(u, f)
	isHashed := f.Hash != nil && *f.Hash != "" && f.Salt != ""
	switch {
	case isHashed && config == nil:
		return nil, w.fail("has a password hash, and --from-config does not name the file with hash_config")
	case isHashed:
		u.Password = fmt.Sprintf("$fbscrypt$v=1,n=%s,r=%s,p=1,ss=%s$%s$%s", config.memory, config.rounds, config.separator,
			standard(f.Salt), standard(*f.Hash))
	case hasPassword:
		w.hook(u, "its hash is empty, as that of users who were imported into Firebase with another hash")
	}

	return u, nil
}

// firebaseProviders adds the accounts at providers, and reports whether the user has a password.
func (w *writer) firebaseProviders(u *format.User, f *firebaseUser) bool {
	hasPassword := f.Hash != nil
	for _, p := range f.Providers {
		switch name, known := firebaseProviders[p.ID]; {
		case p.ID == "password":
			hasPassword = true
		case p.ID == "phone":
		case known:
			display := p.Email
			if display == "" {
				display = p.Display
			}
			w.addProvider(u, format.ProviderAccount{Provider: name, UID: p.RawID, Display: display})
		default:
			w.addProvider(u, format.ProviderAccount{Provider: p.ID, UID: p.RawID, Display: p.Email})
		}
	}

	return hasPassword
}
