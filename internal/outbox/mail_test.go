package outbox

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

var sampleID = uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8057")

func sampleLetter() letter {
	return letter{
		id: sampleID, at: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), to: "erika@example.com", subject: "Ihr Anmeldecode", language: "de",
		text: "Geben Sie diesen Code ein:\n\nBCDF-GHJK\n", web: "<p>BCDF-GHJK</p>",
	}
}

func faultOf(t *testing.T, err error) fault {
	t.Helper()
	var f *fault
	if !errors.As(err, &f) {
		t.Fatalf("not a fault: %v", err)
	}
	return *f
}

func TestSMTP_encryptsAndSignsIn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		server    serverOptions
		with      func(*Settings)
		encrypted bool
		user      string
	}{
		"plain":                  {serverOptions{noTLS: true}, func(*Settings) {}, false, ""},
		"STARTTLS":               {serverOptions{}, func(s *Settings) { s.StartTLS = true }, true, ""},
		"TLS":                    {serverOptions{fromTheFirstByte: true}, func(s *Settings) { s.TLS = true }, true, ""},
		"STARTTLS and a sign-in": {serverOptions{authenticated: true}, func(s *Settings) { s.StartTLS, s.User, s.Password = true, mailUser, mailPassword }, true, mailUser},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newMailServer(t, c.server)
			settings := server.settings()
			c.with(&settings)
			client, err := newSMTP(settings, "", server.trust)
			if err != nil {
				t.Fatal(err)
			}
			if err := client.send(t.Context(), sampleLetter()); err != nil {
				t.Fatal(err)
			}
			m := server.next(t)
			if m.encrypted != c.encrypted || m.user != c.user || m.to != "erika@example.com" || m.from != "no-reply@example.com" {
				t.Errorf("%+v", m)
			}
		})
	}
}

func TestSMTP_doesNotSendWhereItShouldNot(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		server   serverOptions
		with     func(*Settings)
		untrust  bool
		code     string
		hopeless bool
	}{
		"no STARTTLS there":        {serverOptions{noTLS: true}, func(s *Settings) { s.StartTLS = true }, false, "smtp_no_connection", false},
		"a stranger's certificate": {serverOptions{}, func(s *Settings) { s.StartTLS = true }, true, "smtp_no_connection", false},
		"a stranger's, from the first byte": {
			serverOptions{fromTheFirstByte: true}, func(s *Settings) { s.TLS = true }, true, "smtp_no_connection", false,
		},
		"a wrong password": {
			serverOptions{authenticated: true}, func(s *Settings) { s.StartTLS, s.User, s.Password = true, mailUser, "wrong" }, false, "smtp_no_connection", false,
		},
		"a sign-in is missing": {serverOptions{authenticated: true}, func(s *Settings) { s.StartTLS = true }, false, "smtp_530", false},
		"nobody is there":      {serverOptions{}, func(s *Settings) { s.Port = 1 }, false, "smtp_no_connection", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newMailServer(t, c.server)
			settings := server.settings()
			c.with(&settings)
			trust := server.trust
			if c.untrust {
				trust = &tls.Config{MinVersion: tls.VersionTLS12}
			}
			client, err := newSMTP(settings, "", trust)
			if err != nil {
				t.Fatal(err)
			}
			f := faultOf(t, client.send(t.Context(), sampleLetter()))
			if f.code != c.code || f.hopeless != c.hopeless {
				t.Errorf("%+v, want %s", f, c.code)
			}
			server.none(t)
		})
	}
}

// A server that breaks off after it has taken a mail must not get it again.
func TestSMTP_whatBreaksOffAfterTheMailWasTakenIsNoFailure(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		says string // to the mail
		code string
	}{"taken": {"250 2.0.0 queued\r\n", ""}, "not taken": {"", "smtp_broken_off"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() { defer close(done); breakOff(listener, c.says) }()
			t.Cleanup(func() { _ = listener.Close(); <-done })
			client, err := newSMTP(Settings{Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, Timeout: 5, From: "a@example.com"}, "", nil)
			if err != nil {
				t.Fatal(err)
			}
			err = client.send(t.Context(), sampleLetter())
			if c.code == "" && err != nil {
				t.Error(err)
			}
			if c.code != "" && faultOf(t, err).code != c.code {
				t.Error(err)
			}
		})
	}
}

// breakOff speaks SMTP up to the end of one mail, says its last word, and hangs up.
func breakOff(listener net.Listener, last string) {
	c, err := listener.Accept()
	if err != nil {
		return
	}
	defer func() { _ = c.Close() }()
	_, _ = io.WriteString(c, "220 mail.example.com\r\n")
	inMail := false
	for lines := bufio.NewScanner(c); lines.Scan(); {
		answer := "250 ok\r\n"
		switch {
		case inMail && lines.Text() != ".":
			continue
		case inMail:
			_, _ = io.WriteString(c, last)
			return
		case lines.Text() == "DATA":
			inMail, answer = true, "354 go on\r\n"
		}
		_, _ = io.WriteString(c, answer)
	}
}

// parts parses a mail as its reader would.
func parts(t *testing.T, raw []byte) (mail.Header, map[string]string) {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatal(kind, err)
	}
	found := map[string]string{}
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return m.Header, found
		}
		if err != nil {
			t.Fatal(err)
		}
		if encoding := p.Header.Get("Content-Transfer-Encoding"); encoding != "quoted-printable" {
			t.Errorf("encoding %q", encoding)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		found[kind] = strings.ReplaceAll(string(body), "\r\n", "\n")
	}
}

func written(t *testing.T, l letter, from string) []byte {
	t.Helper()
	m, err := compose(l, from)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := m.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestCompose_aRepeatedMailIsTheSame(t *testing.T) {
	t.Parallel()
	l := sampleLetter()
	first := written(t, l, "Example <no-reply@example.com>")
	if second := written(t, l, "Example <no-reply@example.com>"); !bytes.Equal(first, second) {
		t.Errorf("%s\n%s", first, second)
	}
	header, body := parts(t, first)
	for name, want := range map[string]string{
		"From": `"Example" <no-reply@example.com>`, "To": "<erika@example.com>", "Subject": "Ihr Anmeldecode", "Content-Language": "de",
		"Message-Id": "<" + sampleID.String() + "@example.com>", "Auto-Submitted": "auto-generated", "Date": "Wed, 04 Mar 2026 05:06:07 +0000",
	} {
		if got := header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if body["text/plain"] != l.text || body["text/html"] != l.web {
		t.Errorf("%q", body)
	}
}

func TestCompose_headersCannotBeInjected(t *testing.T) {
	t.Parallel()
	for _, to := range []string{
		"a@example.com\r\nBcc: b@example.com", "a@example.com\nBcc: b@example.com", "a@example.com, b@example.com", "<a@example.com>",
		"A <a@example.com>", "a@example.com>\r\n", "\"a\r\nBcc: b\"@example.com", "a@example.com\x00", "", "a", "a@b@c",
	} {
		l := sampleLetter()
		l.to = to
		if _, err := compose(l, "no-reply@example.com"); err == nil || faultOf(t, err).code != "bad_recipient" || strings.Contains(fmt.Sprint(faultOf(t, err).cause), "example.com") {
			t.Errorf("%q: %v", to, err)
		}
	}
	clean := slices.Sorted(headerNames(t, written(t, sampleLetter(), "no-reply@example.com")))
	for _, s := range []string{"x\r\nBcc: b@example.com", "x\nBcc: b@example.com", "x\r\n\r\nbody", "x\rBcc: b@example.com", "\u2028Bcc: x", "ümlaut\r\nBcc: b@example.com"} {
		l := sampleLetter()
		l.subject = s
		if names := slices.Sorted(headerNames(t, written(t, l, "no-reply@example.com"))); !slices.Equal(names, clean) {
			t.Errorf("%q: headers %q, want %q", s, names, clean)
		}
	}
}

func headerNames(t *testing.T, raw []byte) func(func(string) bool) {
	t.Helper()
	header, _ := parts(t, raw)
	return func(yield func(string) bool) {
		for name := range header {
			if !yield(name) {
				return
			}
		}
	}
}

func TestDirectory_writesEachMailWholeUnderNamesThatSort(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "mails")
	mailer, err := newMailer(Parts{Settings: Settings{Dir: dir, From: "a@example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := range 12 {
		l := sampleLetter()
		l.id = uuid.Must(uuid.NewV7())
		l.to = fmt.Sprintf("p%d@example.com", i)
		want = append(want, "<"+l.to+">")
		for range 2 { // a repeated mail makes no second file
			if err := mailer.send(t.Context(), l); err != nil {
				t.Fatal(err)
			}
		}
	}
	entries, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil || !strings.HasSuffix(e.Name(), ".eml") {
			t.Fatal(e.Name(), err)
		}
		header, body := parts(t, raw)
		got = append(got, header.Get("To"))
		if body["text/plain"] != sampleLetter().text {
			t.Errorf("%s: %q", e.Name(), body)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestNewMailer_picksWhatTheSettingsSay(t *testing.T) {
	t.Parallel()
	var printed bytes.Buffer
	dir := t.TempDir()
	both, err := newMailer(Parts{Settings: Settings{Sender: "console", Dir: dir, From: "a@example.com"}, Console: &printed})
	if err != nil {
		t.Fatal(err)
	}
	if err := both.send(context.Background(), sampleLetter()); err != nil {
		t.Fatal(err)
	}
	want := "\n--- mail to erika@example.com: Ihr Anmeldecode\nGeben Sie diesen Code ein:\n\nBCDF-GHJK\n---\n"
	if entries, _ := os.ReadDir(dir); len(entries) != 1 || printed.String() != want {
		t.Errorf("%d files, printed %q", len(entries), printed.String())
	}
	none, err := newMailer(Parts{})
	if err != nil {
		t.Fatal(err)
	}
	if f := faultOf(t, none.send(context.Background(), sampleLetter())); f.code != "no_sender" || !f.hopeless {
		t.Errorf("%+v", f)
	}
}

// The check makes no folder, and says whether the first mail could.
func TestCheckDirectory_looksWithoutMakingIt(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "mails")
	if err := checkDirectory(dir); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Dir(dir)); err == nil {
		t.Error("the check made a folder")
	}
	mailer, err := newMailer(Parts{Settings: Settings{Dir: dir, From: "a@example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := mailer.send(context.Background(), sampleLetter()); err != nil {
		t.Error(err)
	}
	if err := checkDirectory("/dev/null/mails"); err == nil {
		t.Error("a folder below a file is taken")
	}
}
