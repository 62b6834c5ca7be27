package outbox

import "testing"

func TestAutofill_theDomainIsTheLastLine(t *testing.T) {
	t.Parallel()

	for name, c := range map[string]struct {
		autofill autofill
		text     string
		want     string
	}{
		"nothing":                  {autofill{}, "Code: 12345678\n", "Code: 12345678\n"},
		"a domain":                 {autofill{domain: "example.com"}, "Code: 12345678\n", "Code: 12345678\n\n@example.com #12345678\n"},
		"an app":                   {autofill{hash: "FA+9qCX9VSu"}, "Code: 12345678\n", "Code: 12345678\n\nFA+9qCX9VSu\n"},
		"both":                     {autofill{"example.com", "FA+9qCX9VSu"}, "Code: 12345678\n", "Code: 12345678\n\nFA+9qCX9VSu\n@example.com #12345678\n"},
		"a template with the line": {autofill{domain: "example.com"}, "Code: 12345678\n\n@example.com #12345678\n", "Code: 12345678\n\n@example.com #12345678\n"},
		"a template with the hash": {autofill{hash: "FA+9qCX9VSu"}, "FA+9qCX9VSu 12345678\n", "FA+9qCX9VSu 12345678\n"},
		"a template with the line, and an app": {
			autofill{"example.com", "FA+9qCX9VSu"}, "Code: 12345678\n@example.com #12345678\n", "Code: 12345678\n\nFA+9qCX9VSu\n@example.com #12345678\n",
		},
	} {
		if got := c.autofill.add(c.text, "12345678"); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestSettings_refusesADomainOrAHashThatNoPhoneKnows(t *testing.T) {
	t.Parallel()

	for _, c := range []struct {
		domain, hash string
		valid        bool
	}{
		{"", "", true},
		{"example.com", "FA+9qCX9VSu", true},
		{"none", "", true},
		{"id.example.co.uk", "", true},
		{"https://example.com", "", false},
		{"Example.com", "", false},
		{"localhost", "", false},
		{"example.com #1", "", false},
		{"192.0.2.1", "", false},
		{"", "FA+9qCX9VS", false},
		{"", "FA+9qCX9VSu=", false},
		{"", "FA:9qCX9VSu", false},
		{"", "AB:CD:EF:01:23", false},
	} {
		wrong := Settings{Host: "h", From: "a@example.com", SMSDomain: c.domain, SMSAndroidHash: c.hash}.Check()
		if (len(wrong) == 0) != c.valid {
			t.Errorf("%q, %q: %v", c.domain, c.hash, wrong)
		}
	}
}

func TestSettings_bindsTextsToADomainThatPhonesKnow(t *testing.T) {
	t.Parallel()

	for domain, want := range map[string]string{"example.com": "example.com", "localhost": "", "": "", "192.0.2.1": ""} {
		var s Settings
		s.BindTexts(domain)
		if got := s.autofill().domain; got != want {
			t.Errorf("%q: %q, want %q", domain, got, want)
		}
	}

	s := Settings{SMSDomain: "none"}
	if s.BindTexts("example.com"); s.autofill().domain != "" {
		t.Error("none does not win")
	}
}
