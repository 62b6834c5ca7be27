package factor

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

const (
	print1 = "14:6D:E9:83:C5:73:06:50:D8:EE:B9:95:2F:34:FC:64:16:A0:83:42:E6:1D:BE:A8:8A:04:96:B2:3F:CF:44:E5"
	print2 = "00:6D:E9:83:C5:73:06:50:D8:EE:B9:95:2F:34:FC:64:16:A0:83:42:E6:1D:BE:A8:8A:04:96:B2:3F:CF:44:E5"
)

func hashOf(fingerprint string) string {
	sum, _ := hex.DecodeString(strings.ReplaceAll(fingerprint, ":", ""))
	return androidOrigin + base64.RawURLEncoding.EncodeToString(sum)
}

func TestSettings_whatPasses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Settings){
		"as allauth has it":   func(*Settings) {},
		"no factors":          func(s *Settings) { s.Types = nil },
		"recovery codes only": func(s *Settings) { s.Types = []string{RecoveryCodes} },
		"webauthn":            func(s *Settings) { s.Types, s.RPID = []string{WebAuthn}, "example.com" },
		"passkeys": func(s *Settings) {
			s.Types, s.RPID, s.PasskeyLogin, s.PasskeySignup = []string{WebAuthn}, "id.example.co.uk", true, true
		},
		"a domain, not used yet": func(s *Settings) { s.RPID = "example.com" },
		"origins": func(s *Settings) {
			s.RPID, s.Origins = "example.com", []string{"https://example.com", "https://login.example.com:8443", hashOf(print1)}
		},
		"localhost": func(s *Settings) {
			s.RPID, s.InsecureOrigin, s.Origins = "localhost", true, []string{"http://localhost", "http://localhost:8000"}
		},
		"apps": func(s *Settings) {
			s.AppleApps = []string{"ABCDE12345.com.example.app", "ABCDE12345.app-2"}
			s.AndroidApps = []string{"com.example.app=" + print1, "com.example.app=" + strings.ToLower(print2), "com.example.b_2=" + strings.ReplaceAll(print1, ":", "")}
		},
	} {
		s := usual()
		change(&s)
		if errs := s.Check(); errs != nil {
			t.Errorf("%s: %v", name, errs)
		}
	}
}

func TestSettings_whatIsRefused(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Settings){
		"MFA_SUPPORTED_TYPES":            func(s *Settings) { s.Types = []string{"sms"} },
		"MFA_WEBAUTHN_USER_VERIFICATION": func(s *Settings) { s.UserVerification = "Required" },
		"MFA_PASSKEY_LOGIN_ENABLED":      func(s *Settings) { s.PasskeyLogin, s.RPID = true, "example.com" },
		"MFA_PASSKEY_SIGNUP_ENABLED":     func(s *Settings) { s.PasskeySignup = true },
		"LATCHKEY_WEBAUTHN_RP_ID":        func(s *Settings) { s.Types = []string{WebAuthn} },
		"LATCHKEY_APPLE_APP_IDS":         func(s *Settings) { s.AppleApps = []string{"com.example.app"} },
		"LATCHKEY_ANDROID_APPS":          func(s *Settings) { s.AndroidApps = []string{"com.example.app"} },
	} {
		s := usual()
		change(&s)
		if errs := s.Check(); len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), name+": ") {
			t.Errorf("%s: %v", name, errs)
		}
		if _, err := New(s); err == nil {
			t.Errorf("%s: New passed", name)
		}
	}
	for _, id := range []string{"https://example.com", "example.com:443", "Example.com", "example", "com", "127.0.0.1", "::1", "example.com.", ".example.com", "-a.example", "a..b", "exämple.com", "a b.com"} {
		s := usual()
		if s.RPID = id; len(s.Check()) != 1 {
			t.Errorf("RP id %s: %v", id, s.Check())
		}
	}
	for _, app := range []string{"=" + print1, "app=" + print1, "com.example.app=" + print1[3:], "com.example.app=" + print1 + ":00", "com.example.app=" + strings.Replace(print1, "14", "XX", 1), "com.1.app=" + print1} {
		s := usual()
		if s.AndroidApps = []string{app}; len(s.Check()) != 1 {
			t.Errorf("app %s: %v", app, s.Check())
		}
	}
}

func TestSettings_originsThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, o := range []string{
		"http://example.com", "http://example.com:8080", "example.com", "https://", "https://example.com/", "https://example.com/a", "https://example.com?a", "https://example.com#a",
		"https://EXAMPLE.com", "HTTPS://example.com", "https://example.com:443", "https://example.com:", "https://user@example.com", "https://example.org", "https://evilexample.com",
		"https://example.com.evil.org", "https://com", "http://localhost", "http://localhost:8000", "*", "https://*.example.com", "null", "ios:bundle-id:com.example.app", "file://",
		androidOrigin, androidOrigin + "AAAA", hashOf(print1) + "=", strings.ToUpper(hashOf(print1)), " https://example.com", "https://example.com\n",
	} {
		s := usual()
		s.RPID, s.Origins = "example.com", []string{o}
		if errs := s.Check(); len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), "LATCHKEY_WEBAUTHN_ORIGINS: ") {
			t.Errorf("%q: %v", o, errs)
		}
	}
	for _, o := range []string{"http://localhost", "http://localhost:8000"} {
		s := usual()
		s.RPID, s.Origins = "localhost", []string{o}
		if errs := s.Check(); len(errs) != 1 || !strings.Contains(errs[0].Error(), "MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN") {
			t.Errorf("%q: %v", o, errs)
		}
	}
	// The switch for development opens localhost and nothing else.
	for _, o := range []string{"http://localhost:80", "http://localhost.evil.org", "http://127.0.0.1", "http://localhost/", "http://LOCALHOST", "ws://localhost", "http://a.localhost"} {
		s := usual()
		s.RPID, s.InsecureOrigin, s.Origins = "localhost", true, []string{o}
		if errs := s.Check(); len(errs) != 1 {
			t.Errorf("%q: %v", o, errs)
		}
	}
}

func TestSettings_allMistakesAreReportedTogether(t *testing.T) {
	t.Parallel()
	s := Settings{Types: []string{"x", WebAuthn}, UserVerification: "x", Origins: []string{"x", "y"}, AppleApps: []string{"x"}, AndroidApps: []string{"x", "y"}}
	if errs := s.Check(); len(errs) != 7 {
		t.Errorf("%d: %v", len(errs), errors.Join(errs...))
	}
}

func TestSettings_androidAppsBringTheirOrigins(t *testing.T) {
	t.Parallel()
	s := usual()
	s.RPID, s.AndroidApps = "example.com", []string{"com.example.app=" + print1}
	f, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.origins) != 2 || !f.origins["https://example.com"] || !f.origins[hashOf(print1)] {
		t.Errorf("%v", f.origins)
	}
	if len(f.web) != 1 || len(f.opaque) != 1 {
		t.Errorf("%v, %v", f.web, f.opaque)
	}
}

func TestAssociation_saysWhichApps(t *testing.T) {
	t.Parallel()
	s := usual()
	if s.AppleSiteAssociation(nil) != nil || s.AssetLinks() != nil {
		t.Error("something without apps")
	}
	s.AppleApps = []string{"ABCDE12345.com.example.app"}
	s.AndroidApps = []string{"com.example.app=" + strings.ToLower(print1), "com.example.b=" + print1, "com.example.app=" + print2}
	if got := string(s.AppleSiteAssociation(nil)); got != `{"webcredentials":{"apps":["ABCDE12345.com.example.app"]}}` {
		t.Error(got)
	}
	var links []struct {
		Relation []string
		Target   struct {
			Namespace    string
			Package      string   `json:"package_name"`
			Fingerprints []string `json:"sha256_cert_fingerprints"`
		}
	}
	if err := json.Unmarshal(s.AssetLinks(), &links); err != nil || len(links) != 2 {
		t.Fatalf("%v: %s", err, s.AssetLinks())
	}
	first := links[0].Target
	if first.Namespace != "android_app" || first.Package != "com.example.app" || strings.Join(first.Fingerprints, " ") != print1+" "+print2 || links[0].Relation[1] != "delegate_permission/common.get_login_creds" {
		t.Errorf("%+v", links[0])
	}
}
