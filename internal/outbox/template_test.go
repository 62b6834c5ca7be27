package outbox

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

var sampleLinks = map[string]string{
	linkConfirmEmail: "https://app.example.com/verify-email/{key}", linkReset: "https://app.example.com/password/reset/key/{key}",
	linkResetStart: "https://app.example.com/password/reset", linkSignup: "https://app.example.com/signup",
	linkUndo: "https://app.example.com/undo/{key}",
}

func samplePayload(preference string) payload {
	return payload{
		To: "erika@example.com", Code: "BCDF-GHJK", Key: "k3y_-AZ09", UndoKey: "und0_-AZ", At: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), Date: time.Date(2026, 3, 18, 5, 6, 7, 0, time.UTC),
		Device: Device{Address: "203.0.113.0/24", Platform: "iPhone", Language: preference},
	}
}

func read(t *testing.T, dir, prefix string, links map[string]string) *templates {
	t.Helper()
	list, err := readTemplates(dir, prefix, links)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s is not what is made (go test ./internal/outbox -update writes it anew):\n%s", path, got)
	}
}

func TestRender_everyKindInEveryLanguage(t *testing.T) {
	t.Parallel()
	list := read(t, "", "[Example]", sampleLinks)
	for _, tag := range shipped {
		var all strings.Builder
		for _, kind := range kinds {
			l, err := list.render(kind, samplePayload(tag))
			if err != nil {
				t.Fatal(tag, kind, err)
			}
			if l.language != tag || strings.Contains(l.text, "\n\n\n") || strings.Contains(l.text, "<no value>") {
				t.Errorf("%s %s: %q", tag, kind, l.text)
			}
			_, _ = fmt.Fprintf(&all, "=== %s\n", kind)
			if l.subject != "" {
				_, _ = fmt.Fprintf(&all, "Subject: %s\n\n", l.subject)
			}
			all.WriteString(l.text)
		}
		golden(t, tag+".golden", all.String())
	}
}

func TestRender_oursShowWhatTheyCarry(t *testing.T) {
	t.Parallel()
	list := read(t, "", "", sampleLinks)
	for _, tag := range shipped {
		for _, kind := range kinds {
			if err := list.try(tag, kind); err != nil {
				t.Errorf("%s/%s: %v", tag, kind, err)
			}
		}
	}
}

func TestRender_wholeMails(t *testing.T) {
	t.Parallel()
	list := read(t, "", "[Example]", sampleLinks)
	for _, tag := range shipped {
		for _, kind := range []Kind{LoginCode, VerifyEmailLink, NewDevice} {
			l, err := list.render(kind, samplePayload(tag))
			if err != nil {
				t.Fatal(err)
			}
			l.id, l.to, l.at = sampleID, "erika@example.com", time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
			golden(t, tag+"-"+string(kind)+".eml", strings.ReplaceAll(string(written(t, l, "Example <no-reply@example.com>")), "\r\n", "\n"))
		}
	}
}

func TestRender_aCodeStandsAloneBetweenEmptyLines(t *testing.T) {
	t.Parallel()
	list := read(t, "", "", sampleLinks)
	n := 0
	for _, tag := range shipped {
		for _, kind := range kinds {
			l, err := list.render(kind, samplePayload(tag))
			if err != nil {
				t.Fatal(err)
			}
			if kind.carriesCode() {
				n++
				if strings.Count(l.text, "\n\nBCDF-GHJK\n\n") != 1 || strings.Count(l.text, "BCDF-GHJK") != 1 {
					t.Errorf("%s %s: %q", tag, kind, l.text)
				}
			} else if strings.Contains(l.text, "BCDF") {
				t.Errorf("%s %s shows a code", tag, kind)
			}
			for _, line := range strings.Split(l.text, "\n") {
				if strings.Contains(line, "https:") && strings.Contains(line, " ") {
					t.Errorf("%s %s: a link does not stand alone: %q", tag, kind, line)
				}
			}
			if kind.carriesLink() != "" && !strings.Contains(l.text, "\n\nhttps://app.example.com/") || kind.carriesLink() != "" && !strings.Contains(l.text, "/k3y_-AZ09\n\n") {
				t.Errorf("%s %s: %q", tag, kind, l.text)
			}
		}
	}
	if n != 10 {
		t.Errorf("%d kinds carry a code", n)
	}
}

func TestRender_notificationsNameTimeNetworkAndPlatform(t *testing.T) {
	t.Parallel()
	list := read(t, "", "", sampleLinks)
	p := samplePayload("en")
	silent := samplePayload("en")
	silent.Device = Device{}
	for _, kind := range mails {
		if kind.carriesCode() || kind.carriesLink() != "" || kind == UnknownAccount || kind == AccountAlreadyExists || kind == AccountDeleted {
			continue
		}
		l, err := list.render(kind, p)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"2026-03-04 05:06 UTC", "203.0.113.0/24", "iPhone"} {
			if !strings.Contains(l.text, want) || !strings.Contains(l.web, want) {
				t.Errorf("%s does not name %s", kind, want)
			}
		}
		if l, err = list.render(kind, silent); err != nil || strings.Contains(l.text, "From:") || strings.Contains(l.text, "With:") {
			t.Errorf("%s, of an unknown device: %q %v", kind, l.text, err)
		}
	}
	if l, err := list.render(AccountDeletionScheduled, p); err != nil || !strings.Contains(l.text, "2026-03-18") {
		t.Errorf("the date: %q %v", l.text, err)
	}
}

// A message about a changed way into an account carries a link that undoes the change, alone on
// its line, and says until when. Without one it says what to do instead.
func TestRender_aChangeCanBeUndone(t *testing.T) {
	t.Parallel()
	list := read(t, "", "", sampleLinks)
	for _, tag := range shipped {
		for _, kind := range kinds {
			l, err := list.render(kind, samplePayload(tag))
			if err != nil {
				t.Fatal(err)
			}
			link := strings.Contains(l.text, "\n\nhttps://app.example.com/undo/und0_-AZ\n")
			if link != kind.carriesUndo() || link != strings.Contains(l.text, "2026-03-11 05:06 UTC") {
				t.Errorf("%s %s: %q", tag, kind, l.text)
			}
			if link && !kind.isText() && !strings.Contains(l.web, `<a href="https://app.example.com/undo/und0_-AZ"`) {
				t.Errorf("%s %s: %q", tag, kind, l.web)
			}

			bare := samplePayload(tag)
			bare.UndoKey = ""
			without, err := list.render(kind, bare)
			if err != nil || strings.Contains(without.text, "undo/") || kind.carriesUndo() && without.text == l.text {
				t.Errorf("%s %s without a link: %q %v", tag, kind, without.text, err)
			}
		}
	}
}

func TestRender_picksTheLanguage(t *testing.T) {
	t.Parallel()
	list := read(t, "", "", nil)
	for preference, want := range map[string]string{
		"": "en", "de": "de", "de-AT,de;q=0.9,en;q=0.5": "de", "fr-FR,de;q=0.3,en;q=0.2": "de", "fr": "en", "en-GB": "en", "*": "en",
		"de;q=": "en", "\x00": "en", strings.Repeat("x", 100_000): "en", "de, " + strings.Repeat("aa-bb;q=0.1,", 10_000): "en",
	} {
		if l, err := list.render(LoginCode, samplePayload(preference)); err != nil || l.language != want {
			t.Errorf("%.40q: %s %v, want %s", preference, l.language, err, want)
		}
	}
}

func TestRender_whatOthersSentIsNoMarkup(t *testing.T) {
	t.Parallel()
	list := read(t, "", "", sampleLinks)
	evil := samplePayload("en")
	evil.To = "<b>a</b>@example.com"
	evil.Device = Device{Address: "<i>\n\nhttps://evil.example\n\n<a href=x>\u2028y", Platform: "x\r\n\r\nhttps://evil.example\r\n\r\n<script>", Language: "en"}
	for _, kind := range mails {
		l, err := list.render(kind, evil)
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{"<script", "<i>", "<b>", `href="https://evil`, "<a href=x"} {
			if strings.Contains(l.web, bad) {
				t.Errorf("%s: %s in %s", kind, bad, l.web)
			}
		}
		if regexp.MustCompile(`(?m)^https://evil`).MatchString(l.text) || strings.ContainsAny(l.subject, "\r\n") || strings.ContainsRune(l.text, '\u2028') {
			t.Errorf("%s: %q", kind, l.text)
		}
	}
}

func TestRender_linksAreTheOperatorsAlone(t *testing.T) {
	t.Parallel()
	own := map[string]string{linkConfirmEmail: "myapp://verify?k={key}#x"}
	list := read(t, "", "", own)
	p := samplePayload("en")
	p.Key = "a/../b?c#d\r\n{key}"
	l, err := list.render(VerifyEmailLink, p)
	want := "myapp://verify?k=a%2F..%2Fb%3Fc%23d%0D%0A%7Bkey%7D#x"
	if err != nil || !strings.Contains(l.text, "\n\n"+want+"\n\n") || !strings.Contains(l.web, `<a href="`+want+`"`) {
		t.Errorf("%q %q %v", l.text, l.web, err)
	}
	if _, err := list.render(PasswordResetLink, p); err == nil || faultOf(t, err).code != "no_account_reset_password_from_key" {
		t.Error(err)
	}
	for _, kind := range []Kind{UnknownAccount, AccountAlreadyExists} {
		if l, err := list.render(kind, p); err != nil || strings.Contains(l.text, ":\n") {
			t.Errorf("%s without an address: %q %v", kind, l.text, err)
		}
	}
	o := &Outbox{templates: list}
	o.LinkBelow("http://127.0.0.1:8080")
	if l, err := list.render(PasswordResetLink, samplePayload("en")); err != nil || !strings.Contains(l.text, "\n\nhttp://127.0.0.1:8080/password/reset/key/k3y_-AZ09\n\n") {
		t.Errorf("%q %v", l.text, err)
	}
	if list.links[linkConfirmEmail] != "myapp://verify?k={key}#x" {
		t.Error("what is set was replaced")
	}
}

func TestObstacles_namesWhatIsMissing(t *testing.T) {
	t.Parallel()
	o := &Outbox{mailer: nowhere{}, templates: read(t, "", "", map[string]string{linkReset: "https://example.com/{key}"})}
	list := o.Obstacles(VerifyEmailLink, PasswordResetLink, LoginCode)
	if len(list) != 2 || !strings.Contains(list[0], "EMAIL_HOST") || !strings.Contains(list[1], linkConfirmEmail) {
		t.Errorf("%q", list)
	}
	o.LinkBelow("http://127.0.0.1:8080")
	o.mailer = senders{}
	if list := o.Obstacles(VerifyEmailLink, PasswordResetLink); len(list) > 0 {
		t.Errorf("%q", list)
	}
}

func TestReadTemplates_theOperatorsComeFirstFileByFile(t *testing.T) {
	t.Parallel()
	dir := files(t, map[string]string{
		"en/login_code.txt": "Subject: Own\n\nOwn text:\n\n{{.Code}}\n", "de/login_code.html": `<b>{{.Code}}</b> {{.Language}}`,
		"de/device.txt": "Gerät: {{.Platform}}\n", ".hidden/x": "", "en/.x": "",
	})
	list := read(t, dir, "", sampleLinks)
	if l, err := list.render(LoginCode, samplePayload("en")); err != nil || l.subject != "Own" || l.text != "Own text:\n\nBCDF-GHJK\n" || !strings.Contains(l.web, "Own text:") {
		t.Errorf("%+v %v", l, err)
	}
	if l, err := list.render(LoginCode, samplePayload("de")); err != nil || l.subject != "Ihr Anmeldecode" || l.web != "<b>BCDF-GHJK</b> de" {
		t.Errorf("%+v %v", l, err)
	}
	if l, err := list.render(NewDevice, samplePayload("de")); err != nil || !strings.Contains(l.text, "\n\nGerät: iPhone\n\n") {
		t.Errorf("%+v %v", l, err)
	}
}

func TestReadTemplates_anotherLanguage(t *testing.T) {
	t.Parallel()
	all := map[string]string{}
	for _, kind := range kinds {
		all["fr/"+string(kind)+".txt"] = "Subject: Objet\n\nBonjour\n\n{{.Code}}\n\n{{.Link}}\n\n{{.UndoLink}}\n"
	}
	list := read(t, files(t, all), "", sampleLinks)
	if l, err := list.render(LoginCode, samplePayload("fr-CA,en;q=0.5")); err != nil || l.language != "fr" || l.subject != "Objet" {
		t.Errorf("%+v %v", l, err)
	}
}

func TestReadTemplates_mistakesAreToldAtTheStart(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"en/login_cod.txt": "Subject: x\n\n{{.Code}}", "login_code.txt": "Subject: x\n\n{{.Code}}", "en/sms_code.html": "{{.Code}}", "english!/login_code.txt": "",
		"fr/login_code.txt": "Subject: x\n\n{{.Code}}", "en/login_code.txt": "no subject {{.Code}}", "de/login_code.txt": "Subject: x\n\n{{.Kode}}",
		"en/verify_email_code.txt": "Subject: x\n\nno code", "en/verify_email_link.txt": "Subject: x\n\nno link", "en/sms_code.txt": "{{", "layout.html": "{{.Nothing}}",
		"de/new_device.html": "{{if}}", "en/undo.txt": "no link", "de/undo.txt": "{{.Nothing}}", "en/email_added.txt": "Subject: x\n\nno link", "en/device.txt": "{{.Nothing}}", "en/password_reset_code.txt": "Subject:\n\n{{.Code}}",
	} {
		_, err := readTemplates(files(t, map[string]string{name: content}), "", nil)
		if err == nil || !strings.HasPrefix(err.Error(), "LATCHKEY_TEMPLATES_DIR: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := readTemplates(filepath.Join(t.TempDir(), "missing"), "", nil); err == nil {
		t.Error("a directory that is not there")
	}
}

func files(t *testing.T, all map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range all {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestCheck_refusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	good := Settings{From: "a@example.com"}
	if wrong := good.Check(); len(wrong) > 0 {
		t.Fatal(wrong)
	}
	for name, with := range map[string]func(*Settings){
		"LATCHKEY_MAIL":                func(s *Settings) { s.Sender = "pigeon" },
		"EMAIL_HOST":                   func(s *Settings) { s.Sender = "smtp" },
		"EMAIL_USE_SSL":                func(s *Settings) { s.TLS, s.StartTLS = true, true },
		"EMAIL_HOST_USER":              func(s *Settings) { s.Host, s.User = "mail.example.com", "u" },
		"DEFAULT_FROM_EMAIL":           func(s *Settings) { s.From = "a@example.com\r\nBcc: b@example.com" },
		"ACCOUNT_EMAIL_SUBJECT_PREFIX": func(s *Settings) { s.SubjectPrefix = "x\nBcc: b@example.com" },
		"LATCHKEY_SMS":                 func(s *Settings) { s.SMS = "pigeon" },
		"LATCHKEY_SMS_WEBHOOK_URL":     func(s *Settings) { s.SMSWebhook, s.SMSSecret = "http://example.com/", webhookSecret },
		"LATCHKEY_SMS_WEBHOOK_SECRET":  func(s *Settings) { s.SMSWebhook, s.SMSSecret = "https://example.com/", "short" },
		"HEADLESS_FRONTEND_URLS":       func(s *Settings) { s.FrontendURLs = "https://example.com" },
	} {
		s := good
		with(&s)
		if wrong := s.Check(); len(wrong) != 1 || !strings.HasPrefix(wrong[0].Error(), name+": ") {
			t.Errorf("%s: %v", name, wrong)
		}
	}
	for _, with := range []func(*Settings){
		func(s *Settings) { s.Host, s.User = "127.0.0.1", "u" }, func(s *Settings) { s.Host, s.User, s.StartTLS = "mail.example.com", "u", true },
		func(s *Settings) { s.SMSWebhook, s.SMSSecret = "http://localhost:1/", webhookSecret }, func(s *Settings) { s.SMS, s.SMSWebhook = "none", "x" },
	} {
		s := good
		with(&s)
		if wrong := s.Check(); len(wrong) > 0 {
			t.Errorf("%+v: %v", s, wrong)
		}
	}
}

func TestLinks_areCheckedAtTheStart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, address string
		ok            bool
	}{
		{linkConfirmEmail, "https://app.example.com/verify-email/{key}", true},
		{linkConfirmEmail, "https://app.example.com/#/verify?key={key}&x=1", true},
		{linkConfirmEmail, "com.example.app:/verify/{key}", true},
		{linkConfirmEmail, "myapp://verify/{key}", true},
		{linkConfirmEmail, "http://localhost:3000/{key}", true},
		{linkConfirmEmail, "http://[::1]:3000/{key}", true},
		{linkSignup, "https://app.example.com/signup", true},
		{linkSocialError, "https://app.example.com/error", true},
		{linkConfirmEmail, "http://app.example.com/{key}", false},
		{linkConfirmEmail, "https://app.example.com/", false},
		{linkConfirmEmail, "https://app.example.com/{key}/{key}", false},
		{linkConfirmEmail, "https://{key}.example.com/", false},
		{linkConfirmEmail, "https:///{key}", false},
		{linkConfirmEmail, "/verify/{key}", false},
		{linkConfirmEmail, "javascript:alert('{key}')", false},
		{linkConfirmEmail, "JavaScript:alert('{key}')", false},
		{linkConfirmEmail, "data:text/html,{key}", false},
		{linkConfirmEmail, "https://app.example.com/{key}\n", false},
		{linkConfirmEmail, "https://app.example.com/ {key}", false},
		{linkConfirmEmail, `https://app.example.com/"{key}`, false},
		{linkConfirmEmail, "https://app.example.com/{uid}/{key}", false},
		{linkSignup, "https://app.example.com/{key}", false},
		{"account_confirm_mail", "https://app.example.com/{key}", false},
	} {
		text, _ := json.Marshal(map[string]string{c.name: c.address})
		links, err := Settings{FrontendURLs: string(text)}.links()
		if (err == nil) != c.ok || c.ok && links[c.name] != c.address {
			t.Errorf("%s %q: %v", c.name, c.address, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "HEADLESS_FRONTEND_URLS: ") {
			t.Error(err)
		}
	}
}
