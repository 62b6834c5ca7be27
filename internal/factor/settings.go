package factor

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Settings of factors.
type Settings struct {
	Types            []string `env:"MFA_SUPPORTED_TYPES" default:"recovery_codes,totp" doc:"Second factors that users may add: a list of totp, recovery_codes and webauthn."`
	AllowUnverified  bool     `env:"MFA_ALLOW_UNVERIFIED_EMAIL" default:"false" doc:"Let users with an unverified address add a second factor. A passkey that a stranger added before the owner of the address verifies it continues to work."`
	Reauthentication bool     `env:"MFA_REAUTHENTICATION_REQUIRED" default:"true" doc:"Adding, showing and removing factors requires recent authentication."`

	TOTPPeriod    int    `env:"MFA_TOTP_PERIOD" default:"30" min:"15" max:"120" doc:"Seconds that a code of an authenticator app is shown. Many apps support only 30."`
	TOTPDigits    int    `env:"MFA_TOTP_DIGITS" default:"6" min:"6" max:"8" doc:"Digits of such a code. Many apps support only 6."`
	TOTPIssuer    string `env:"MFA_TOTP_ISSUER" doc:"Name of the service that an authenticator app shows. Default: LATCHKEY_WEBAUTHN_RP_NAME, otherwise LATCHKEY_WEBAUTHN_RP_ID."`
	TOTPTolerance int    `env:"MFA_TOTP_TOLERANCE" default:"1" min:"0" max:"1" doc:"1: also accept the codes directly before and after the current one, because users type slowly and clocks differ. 0: only the current one, as in allauth."`

	RecoveryCount    int  `env:"MFA_RECOVERY_CODE_COUNT" default:"10" min:"1" max:"64" doc:"Recovery codes in a set."`
	RecoveryDigits   int  `env:"MFA_RECOVERY_CODE_DIGITS" default:"8" min:"6" max:"16" doc:"Digits of a recovery code."`
	RecoveryShowOnce bool `env:"MFA_RECOVERY_CODES_SHOW_ONCE" default:"false" doc:"Show recovery codes only when they are generated."`

	PasskeyLogin     bool     `env:"MFA_PASSKEY_LOGIN_ENABLED" default:"false" doc:"Sign-in with a passkey alone. It is verified by fingerprint, face or PIN, and counts as both factors."`
	PasskeySignup    bool     `env:"MFA_PASSKEY_SIGNUP_ENABLED" default:"false" doc:"Sign-up with a passkey in place of a password."`
	UserVerification string   `env:"MFA_WEBAUTHN_USER_VERIFICATION" default:"preferred" doc:"Whether a key used as a second factor asks for fingerprint, face or PIN: preferred, required or discouraged. Passkeys that sign in alone always do."`
	InsecureOrigin   bool     `env:"MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN" default:"false" doc:"Allow http://localhost, with or without a port, in LATCHKEY_WEBAUTHN_ORIGINS. For development."`
	RPID             string   `env:"LATCHKEY_WEBAUTHN_RP_ID" doc:"Domain that passkeys belong to, such as example.com. Cannot be changed later: passkeys of another domain never work again. webauthn needs it."`
	RPName           string   `env:"LATCHKEY_WEBAUTHN_RP_NAME" doc:"Name of the service that users see while they create a passkey. Default: LATCHKEY_WEBAUTHN_RP_ID."`
	Origins          []string `env:"LATCHKEY_WEBAUTHN_ORIGINS" doc:"Origins that passkeys may be used on, exactly as browsers write them: https origins, and android:apk-key-hash: with the unpadded base64url SHA-256 of an app's certificate. Those of LATCHKEY_ANDROID_APPS are always among them. Default: https:// and LATCHKEY_WEBAUTHN_RP_ID, which is the origin of iOS apps too."`
	AppleApps        []string `env:"LATCHKEY_APPLE_APP_IDS" doc:"iOS apps that use passkeys of the domain: a list of TEAMID.bundle.id. Served as /.well-known/apple-app-site-association, with the paths of HEADLESS_FRONTEND_URLS that are on the domain of LATCHKEY_PUBLIC_URL or LATCHKEY_WEBAUTHN_RP_ID: iOS opens these links in the app."`
	AndroidApps      []string `env:"LATCHKEY_ANDROID_APPS" doc:"Android apps that use passkeys of the domain: a list of package=FINGERPRINT, the SHA-256 of the certificate as keytool prints it (AB:CD:…); a package may be listed twice. Served as /.well-known/assetlinks.json."`
}

// Supports reports whether people may add factors of a kind.
func (s Settings) Supports(kind string) bool { return slices.Contains(s.Types, kind) }

const androidOrigin = "android:apk-key-hash:"

// origins are all that a client may report.
func (s Settings) origins() []string {
	list := slices.Clone(s.Origins)
	if len(list) == 0 && s.RPID != "" {
		list = []string{"https://" + s.RPID}
	}

	apps, _ := s.androidApps()
	for _, a := range apps {
		list = append(list, a.origin())
	}

	return list
}

// Check reports what is wrong with the settings.
func (s Settings) Check() []error {
	var wrong []error

	add := func(name, format string, values ...any) {
		wrong = append(wrong, fmt.Errorf("%s: "+format, append([]any{name}, values...)...))
	}
	for _, kind := range s.Types {
		if kind != TOTP && kind != RecoveryCodes && kind != WebAuthn {
			add("MFA_SUPPORTED_TYPES", "%q: want totp, recovery_codes or webauthn", kind)
		}
	}

	if !slices.Contains([]string{"preferred", "required", "discouraged"}, s.UserVerification) {
		add("MFA_WEBAUTHN_USER_VERIFICATION", "want preferred, required or discouraged")
	}

	if s.PasskeyLogin && !s.Supports(WebAuthn) {
		add("MFA_PASSKEY_LOGIN_ENABLED", "needs webauthn in MFA_SUPPORTED_TYPES")
	}

	if s.PasskeySignup && !s.Supports(WebAuthn) {
		add("MFA_PASSKEY_SIGNUP_ENABLED", "needs webauthn in MFA_SUPPORTED_TYPES")
	}

	switch {
	case s.RPID == "" && s.Supports(WebAuthn):
		add("LATCHKEY_WEBAUTHN_RP_ID", "webauthn in MFA_SUPPORTED_TYPES needs it: the domain of the service, such as example.com")
	case s.RPID != "" && !isDomain(s.RPID):
		add("LATCHKEY_WEBAUTHN_RP_ID", "want a domain in lower case, such as example.com: no scheme, no port, no address")
	}

	for _, o := range s.Origins {
		if err := s.checkOrigin(o); err != nil {
			add("LATCHKEY_WEBAUTHN_ORIGINS", "%q: %w", o, err)
		}
	}

	for _, id := range s.AppleApps {
		if !appleApp.MatchString(id) {
			add("LATCHKEY_APPLE_APP_IDS", "%q: want the team's 10 characters, a dot and the bundle id", id)
		}
	}

	if _, err := s.androidApps(); err != nil {
		add("LATCHKEY_ANDROID_APPS", "%w", err)
	}

	return wrong
}

var (
	label      = `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`
	domain     = regexp.MustCompile(`^(` + label + `\.)+` + label + `$`)
	appleApp   = regexp.MustCompile(`^[A-Z0-9]{10}\.[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$`)
	androidApp = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)+$`)
)

// isDomain: a single label could only be a public suffix, under which everybody lives;
// localhost is the exception that browsers make.
func isDomain(text string) bool {
	return text == "localhost" || len(text) <= 253 && domain.MatchString(text) && net.ParseIP(text) == nil
}

// checkOrigin says what is wrong with an origin.
func (s Settings) checkOrigin(origin string) error {
	if key, android := strings.CutPrefix(origin, androidOrigin); android {
		if sum, err := base64.RawURLEncoding.Strict().DecodeString(key); err != nil || len(sum) != 32 {
			return errors.New("want the SHA-256 of the app's certificate in unpadded base64url")
		}

		return nil
	}

	u, err := url.Parse(origin)
	// Security: origins are compared byte for byte, so what a browser would write otherwise
	// must not stand in the list, where it would match nothing (SEC-60, TestSettings_originsThatAreRefused).
	if err != nil || origin != u.Scheme+"://"+u.Host || !isDomain(u.Hostname()) {
		return errors.New("want an origin as browsers write it, such as https://example.com: no path, no slash at the end, lower case")
	}

	switch {
	case u.Scheme == "https" && u.Port() == "443", u.Scheme == "http" && u.Port() == "80", strings.HasSuffix(u.Host, ":"):
		return errors.New("browsers leave the usual port out")
	case u.Scheme == "https":
	case u.Scheme == "http" && u.Hostname() == "localhost" && s.InsecureOrigin:
	case u.Scheme == "http" && u.Hostname() == "localhost":
		return errors.New("http://localhost needs MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN")
	default:
		return errors.New("want https, or an Android app's certificate")
	}

	if host := u.Hostname(); s.RPID != "" && host != s.RPID && !strings.HasSuffix(host, "."+s.RPID) {
		return errors.New("is not on LATCHKEY_WEBAUTHN_RP_ID nor below it: related origins of other domains (/.well-known/webauthn) are not supported")
	}

	return nil
}

// installed is an Android app that is signed with a certificate.
type installed struct {
	name        string
	certificate []byte // SHA-256
}

func (a installed) origin() string {
	return androidOrigin + base64.RawURLEncoding.EncodeToString(a.certificate)
}

// fingerprint is the certificate as keytool and assetlinks.json write it.
func (a installed) fingerprint() string {
	var parts []string
	for _, b := range a.certificate {
		parts = append(parts, fmt.Sprintf("%02X", b))
	}

	return strings.Join(parts, ":")
}

func (s Settings) androidApps() ([]installed, error) {
	var apps []installed

	var wrong []error
	for _, text := range s.AndroidApps {
		name, print, _ := strings.Cut(text, "=")

		sum, err := hex.DecodeString(strings.ReplaceAll(print, ":", ""))
		if err != nil || len(sum) != 32 || !androidApp.MatchString(name) {
			wrong = append(wrong, fmt.Errorf("%q: want package=FINGERPRINT, the SHA-256 of its certificate as 32 pairs of hexadecimal digits", text))
			continue
		}

		apps = append(apps, installed{name, sum})
	}

	return apps, errors.Join(wrong...)
}
