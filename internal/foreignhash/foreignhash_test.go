package foreignhash

import (
	_ "embed"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/alexedwards/argon2id"
)

//go:embed testdata/passwords.json
var vectorsText []byte

// vector is a hash that another system made, and what it is of.
type vector struct {
	Name      string          `json:"name"`
	Source    string          `json:"source"`
	Password  string          `json:"password"`
	Stored    json.RawMessage `json:"stored"`
	Canonical string          `json:"canonical"`
	Pepper    string          `json:"pepper"`
	OK        bool            `json:"ok"`
	None      bool            `json:"null"`
	Refuse    bool            `json:"refuse"`
}

func vectors(t testing.TB) []vector {
	t.Helper()

	var all []vector
	if err := json.Unmarshal(vectorsText, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) < 61 {
		t.Fatalf("%d vectors", len(all))
	}

	return all
}

// text is the hash as a string: objects of exports have a canonical form.
func (v vector) text(t testing.TB) string {
	t.Helper()

	var text string
	if err := json.Unmarshal(v.Stored, &text); err == nil {
		return text
	}

	return v.Canonical
}

func wrapCheaply(text string) (string, error) {
	return argon2id.CreateHash(text, &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32})
}

// notBuilt are kinds that have vectors and no reader: they are refused at import, and their users reset
// their passwords.
var notBuilt = map[string]bool{"{SSHA}": true, "sha512-crypt": true}

func TestVectors(t *testing.T) {
	t.Parallel()

	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()

			keys := Keys{Pepper: v.Pepper}
			stored, err := Canonical(v.text(t), keys, wrapCheaply)
			if v.Refuse || notBuilt[v.Name] {
				if err == nil {
					t.Fatalf("taken as %s", stored)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if v.None {
				if stored != "" {
					t.Errorf("no password is %q", stored)
				}
				return
			}
			if v.Canonical != "" && stored != v.Canonical {
				t.Errorf("stored as %s, want %s", stored, v.Canonical)
			}

			v.try(t, stored, keys)
		})
	}
}

// try signs in with the right password, and with wrong ones.
func (v vector) try(t *testing.T, stored string, keys Keys) {
	t.Helper()

	h, err := Read(stored, keys)
	if err != nil {
		t.Fatal(err)
	}
	if h.Matches(v.Password) != v.OK {
		t.Errorf("the password matches: %v, want %v", !v.OK, v.OK)
	}

	decoy := h.Decoy()
	if decoy.Kind() != h.Kind() || decoy.Matches(v.Password) {
		t.Errorf("the decoy of %s is %s, or matches", h.Kind(), decoy.Kind())
	}

	for _, wrong := range []string{"", "correct horse batterY", "x" + v.Password} {
		if h.Matches(wrong) {
			t.Errorf("%q is right", wrong)
		}
	}
}

// Bounds, cuts and other spellings are errors of their own kind, and show nothing of the hash.
func TestRead_refuses(t *testing.T) {
	t.Parallel()

	const salt, tag = "AAECAwQFBgcICQoLDA0ODw", "yr+bZKkEnTtGf3f18VjXM5CIxT9gt2kfzsoPOBHUS/Q"
	for stored, want := range map[string]error{
		"": ErrUnknown, "secret": ErrUnknown, "$6$rounds=1000$a$b": ErrUnknown, "pbkdf2_sha3$1$a$b": ErrUnknown,
		"pbkdf2_sha256$5000001$salt$" + tag: ErrBounds, "pbkdf2_sha256$0$salt$" + tag: ErrBounds,
		"pbkdf2_sha256$+1$salt$" + tag: ErrUnreadable, "pbkdf2_sha256$01$salt$" + tag: ErrUnreadable,
		"pbkdf2_sha256$99999999999999999999$salt$" + tag: ErrBounds, "pbkdf2_sha256$1000$salt": ErrUnreadable,
		"pbkdf2_sha256$1000$salt$!": ErrUnreadable, "pbkdf2_sha256$1000$salt$AAAA": ErrBounds,
		"pbkdf2_sha256$1000$" + strings.Repeat("s", 1025) + "$" + tag:        ErrBounds,
		"$pbkdf2-sha256$i=1000,l=16$" + salt + "$" + tag:                     ErrUnreadable,
		"$pbkdf2-sha256$l=32,i=1000$" + salt + "$" + tag:                     ErrUnreadable,
		"$argon2id$v=16$m=64,t=1,p=1$" + salt + "$" + tag:                    ErrUnreadable,
		"$argon2id$v=19$m=262145,t=1,p=1$" + salt + "$" + tag:                ErrBounds,
		"$argon2id$v=19$m=64,t=11,p=1$" + salt + "$" + tag:                   ErrBounds,
		"$argon2id$v=19$m=64,t=1,p=17$" + salt + "$" + tag:                   ErrBounds,
		"$argon2id$v=19$m=64,t=0,p=1$" + salt + "$" + tag:                    ErrBounds,
		"$2b$16$" + strings.Repeat("a", 53):                                  ErrBounds,
		"$2b$12$" + strings.Repeat("a", 52):                                  ErrUnreadable,
		"bcrypt_sha256$$2x$04$" + strings.Repeat("a", 53):                    ErrUnreadable,
		"scrypt$1000$salt$8$1$" + tag:                                        ErrUnreadable,
		"scrypt$1048576$salt$8$1$" + tag:                                     ErrBounds,
		"scrypt$16384$salt$8$65$" + tag:                                      ErrBounds,
		"$scrypt$ln=64,r=8,p=1$" + salt + "$" + tag:                          ErrBounds,
		"$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==$" + salt + "$" + tag:             ErrKey,
		"$fbscrypt$v=2,n=14,r=8,p=1,ss=Bw==,sk=AA==$" + salt + "$" + tag:     ErrUnreadable,
		"$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=AAAA$" + salt + "$" + tag:     ErrUnreadable,
		"$P$z" + strings.Repeat("a", 30):                                     ErrBounds,
		"$P$6" + strings.Repeat("a", 29):                                     ErrUnreadable,
		"wrapped_md5$salt$" + tag:                                            ErrUnreadable,
		"wrapped_sha1$salt$$argon2id$v=19$m=64,t=99,p=1$" + salt + "$" + tag: ErrBounds,
	} {
		_, err := Read(stored, Keys{})
		if !errors.Is(err, want) {
			t.Errorf("%.40s: %v, want %v", stored, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), tag) || strings.Contains(err.Error(), salt)) {
			t.Errorf("%.40s: the error shows the hash: %v", stored, err)
		}
	}
}

// The signer key of Firebase may stand in a setting.
func TestRead_firebaseWithTheKeyOfASetting(t *testing.T) {
	t.Parallel()

	for _, v := range vectors(t) {
		before, after, found := strings.Cut(v.Canonical, ",sk=")
		if !found {
			continue
		}

		signerText, rest, _ := strings.Cut(after, "$")
		signer, err := decode(signerText)
		if err != nil {
			t.Fatal(err)
		}

		v.try(t, before+"$"+rest, Keys{FirebaseSigner: signer})
	}
}

// FuzzRead: there is an answer for every text, and a hash that is read can be asked.
func FuzzRead(f *testing.F) {
	for _, v := range vectors(f) {
		if text := v.text(f); text != "" {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, stored string) {
		text, err := Canonical(stored, Keys{}, wrapCheaply)
		if err != nil || text == "" {
			return
		}
		if h, err := Read(text, Keys{}); err != nil || h.Kind() == "" {
			t.Errorf("%q is canonical, and cannot be read: %v", text, err)
		}
	})
}
