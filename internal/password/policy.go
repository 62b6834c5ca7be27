package password

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/latchkey-auth/latchkey/internal/problem"
)

// numericLength is how long a password of digits alone must be: NIST SP 800-63B-4, 3.1.1.2, asks
// this length of a password that signs in alone, and forbids rules about characters.
const numericLength = 15

const (
	breachedSetting = "LATCHKEY_PASSWORD_BREACHED_LIST"
	firebaseSetting = "LATCHKEY_FIREBASE_SIGNER_KEY"
)

// Settings of the policy.
type Settings struct {
	MinLength int      `env:"LATCHKEY_PASSWORD_MIN_LENGTH" default:"8" min:"8" max:"128" doc:"Minimum number of characters of a new password. NIST SP 800-63B-4 requires 15 if a password is the only factor."`
	Words     []string `env:"LATCHKEY_PASSWORD_WORDS" doc:"Words that no new password may resemble, or be made of with little around them: names of your company, products, departments, projects; separated by commas, without case. Always among them: latchkey, MFA_TOTP_ISSUER, LATCHKEY_WEBAUTHN_RP_NAME, LATCHKEY_WEBAUTHN_RP_ID, and the user's own names and addresses."`
	Assembly  bool     `env:"LATCHKEY_ARGON2_ASSEMBLY" default:"true" doc:"Compute argon2id with AVX2 or AVX-512 where the processor has them; a test at each start compares the results with golang.org/x/crypto's. false: always golang.org/x/crypto. Hashes are the same, and a sign-in takes three to five times as much CPU."`
	Breached  string   `env:"LATCHKEY_PASSWORD_BREACHED_LIST" doc:"File with the SHA-1 hashes of breached passwords in ascending order, one HASH:COUNT a line, as the downloader of Pwned Passwords (haveibeenpwned.com) writes it: a new password that is in it is refused as too common. The file is searched locally; nothing is sent anywhere. Replace it by renaming a new file."`

	FirebaseSigner string `env:"LATCHKEY_FIREBASE_SIGNER_KEY" secret:"true" doc:"base64_signer_key of a Firebase project, from the hash parameters that its console shows: verifies the passwords of users who moved from there."`
	BcryptPepper   string `env:"LATCHKEY_BCRYPT_PEPPER" secret:"true" doc:"The pepper of a Devise installation: verifies the bcrypt passwords of users who moved from there."`
}

// Check reports what is wrong with the settings.
func (s Settings) Check() []error {
	var wrong []error
	if _, err := s.foreignKeys(); err != nil {
		wrong = append(wrong, err)
	}

	if s.Breached == "" {
		return wrong
	}
	if err := checkBreached(s.Breached); err != nil {
		wrong = append(wrong, fmt.Errorf("%s: %w", breachedSetting, err))
	}

	return wrong
}

// Policy judges new passwords: Django's four validators in Django's order, every
// failure reported.
type Policy struct {
	settings Settings
	words    []string
}

// NewPolicy returns the policy that settings ask for. names are what the service is called
// elsewhere in the settings.
func NewPolicy(settings Settings, names ...string) Policy {
	return Policy{settings, slices.Concat(settings.Words, names, []string{productName})}
}

// tooShort says how long a password must be, in Django's words.
func (p Policy) tooShort() *problem.Problem {
	text := fmt.Sprintf("This password is too short. It must contain at least %d characters.", p.settings.MinLength)
	return problem.PasswordTooShort.Saying(text)
}

// Check returns what speaks against a normalised password, for the member param.
// similarTo are the user's own words, which it must not resemble. The error is that of a list
// that cannot be read.
func (p Policy) Check(password, param string, similarTo ...string) (problem.List, error) {
	var found problem.List
	words := slices.Concat(p.words, similarTo)
	length := utf8.RuneCountInString(password)

	if resembles(password, words) || p.leansOn(password, words) {
		found = append(found, problem.PasswordSimilar.At(param))
	}
	if length < p.settings.MinLength {
		found = append(found, p.tooShort().At(param))
	}
	breached, err := p.isBreached(password)
	if err != nil {
		return nil, problem.TemporarilyUnavailable.Because(err)
	}
	if breached || isCommon(password) {
		found = append(found, problem.PasswordTooCommon.At(param))
	}
	if length < numericLength && strings.TrimFunc(password, unicode.IsDigit) == "" {
		found = append(found, problem.PasswordNumeric.At(param))
	}
	return found, nil
}

// isBreached looks a password up in the operator's list, where there is one.
func (p Policy) isBreached(password string) (bool, error) {
	if p.settings.Breached == "" {
		return false, nil
	}

	file, list, err := openBreached(p.settings.Breached)
	if err != nil {
		return false, fmt.Errorf("%s: %w", breachedSetting, err)
	}
	defer func() { _ = file.Close() }()

	found, err := list.has(password)
	if err != nil {
		return false, fmt.Errorf("%s: %w", breachedSetting, err)
	}
	return found, nil
}

// isCommon looks a password up in Django's list, without case.
func isCommon(password string) bool {
	_, common := commonPasswords()[strings.ToLower(password)]
	return common
}

// Django's list of about 20,000 common passwords, made by Royce Williams; BSD-3-Clause
// (see common-passwords.LICENSE).
//
//go:embed common-passwords.txt.gz
var commonPasswordsFile []byte

// commonPasswords is read at the first new password, not at the start.
var commonPasswords = sync.OnceValue(func() map[string]struct{} {
	zipped, err := gzip.NewReader(bytes.NewReader(commonPasswordsFile))
	if err != nil {
		panic("embedded common passwords: " + err.Error())
	}
	text, err := io.ReadAll(zipped)
	if err != nil {
		panic("embedded common passwords: " + err.Error())
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n") // some have several words
	set := make(map[string]struct{}, len(lines))
	for _, line := range lines {
		set[line] = struct{}{}
	}
	return set
})
