package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// The paths of journeys.
const (
	root              = "/_allauth/app/v1/"
	verifyEmailPath   = root + "auth/email/verify"
	resendEmailPath   = root + "auth/email/verify/resend"
	verifyPhonePath   = root + "auth/phone/verify"
	resendPhonePath   = root + "auth/phone/verify/resend"
	codeRequestPath   = root + "auth/code/request"
	codeConfirmPath   = root + "auth/code/confirm"
	codeResendPath    = root + "auth/code/resend"
	resetRequestPath  = root + "auth/password/request"
	resetPath         = root + "auth/password/reset"
	changePath        = root + "account/password/change"
	reauthPath        = root + "auth/reauthenticate"
	emailsPath        = root + "account/email"
	phonePath         = root + "account/phone"
	accountPath       = root + "account"
	exportPath        = root + "account/export"
	ada               = "ada@example.com"
	anotherPassword   = "another horse battery"
	number            = "+31612345678"
	otherNumber       = "+31687654321"
	mandatoryByCode   = "ACCOUNT_EMAIL_VERIFICATION=mandatory ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED=true"
	withNotifications = "ACCOUNT_EMAIL_NOTIFICATIONS=true"
	links             = `HEADLESS_FRONTEND_URLS={"account_confirm_email":"https://app.example.com/verify/{key}","account_reset_password_from_key":"https://app.example.com/reset/{key}","account_signup":"https://app.example.com/signup"}`
)

// mailing starts a server whose mails are read from a directory. Settings may stand
// several in one text, separated by blanks.
func mailing(t *testing.T, settings ...string) *world {
	t.Helper()
	dir := t.TempDir()
	var all []string
	for _, s := range settings {
		if strings.HasPrefix(s, "HEADLESS_FRONTEND_URLS") || strings.Contains(s, "{") {
			all = append(all, s)
			continue
		}
		all = append(all, strings.Fields(s)...)
	}
	all = append([]string{links, "LATCHKEY_OUTBOX_WORKERS=1"}, all...) // one after the other: in order
	w := start(t, append(all, "LATCHKEY_MAIL_DIR="+dir)...)
	w.mails = dir
	return w
}

// letter is a mail as it arrived.
type letter struct{ to, subject, text, html string }

// delivered waits until every mail so far has been sent.
func (w *world) delivered() {
	w.t.Helper()
	if w.mails == "" {
		return
	}
	eventually(w.t, 30*time.Second, "the mails being sent", func() bool {
		return query[int](w, "SELECT count(*) FROM messages WHERE sent_at IS NULL AND failed_at IS NULL") == 0
	})
}

// letters are all mails to an address so far, oldest first.
func (w *world) letters(to string) []letter {
	w.t.Helper()
	files, err := filepath.Glob(filepath.Join(w.mails, "*.eml"))
	if err != nil {
		w.t.Fatal(err)
	}
	slices.Sort(files)
	var list []letter
	for _, name := range files {
		if l := w.read(name); l.to == to {
			list = append(list, l)
		}
	}
	return list
}

func (w *world) read(name string) letter {
	w.t.Helper()
	f, err := os.Open(name)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	m, err := mail.ReadMessage(f)
	if err != nil {
		w.t.Fatal(err)
	}
	to, err := mail.ParseAddress(m.Header.Get("To"))
	if err != nil {
		w.t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		w.t.Fatal(err)
	}
	l := letter{to: to.Address, subject: subject}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		w.t.Fatal(err)
	}
	for parts := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := parts.NextRawPart()
		if err == io.EOF {
			return l
		}
		if err != nil {
			w.t.Fatal(err)
		}
		text, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			w.t.Fatal(err)
		}
		if strings.HasPrefix(p.Header.Get("Content-Type"), "text/plain") {
			l.text = strings.ReplaceAll(string(text), "\r\n", "\n")
		} else {
			l.html = string(text)
		}
	}
}

// letter waits for the nth mail to an address, counted from 1.
func (w *world) letter(to string, n int) letter {
	w.t.Helper()
	var list []letter
	eventually(w.t, 30*time.Second, fmt.Sprintf("mail %d to %s", n, to), func() bool {
		list = w.letters(to)
		return len(list) >= n
	})
	return list[n-1]
}

var (
	codeAlone = regexp.MustCompile(`(?m)^\n?([B-Z]{4}-[B-Z]{4})$`)
	linkAlone = regexp.MustCompile(`(?m)^https://app\.example\.com/[a-z]+/([A-Za-z0-9_-]+)$`)
)

// mailedCode is the code in the n-th mail, or in the first one after it that has a code: a notice about
// what happened just before may come in between.
func (w *world) mailedCode(to string, n int) string {
	w.t.Helper()

	var code string
	eventually(w.t, 30*time.Second, fmt.Sprintf("a code in mail %d or later to %s", n, to), func() bool {
		list := w.letters(to)
		for _, l := range list[min(n-1, len(list)):] {
			if m := codeAlone.FindStringSubmatch(l.text); m != nil {
				code = m[1]
				return true
			}
		}

		return false
	})
	w.secrets.add("mailed code", code)

	return code
}

// mailedKey is the key of the link in a mail, alone on its line.
func (w *world) mailedKey(to string, n int) string {
	w.t.Helper()
	text := w.letter(to, n).text
	m := linkAlone.FindStringSubmatch(text)
	if m == nil {
		w.t.Fatalf("no link in %q", text)
	}
	w.secrets.add("mailed key", m[1])
	return m[1]
}

// visitor is a client that keeps what it is given, as an app does: a session token while
// it is on the way in, an access token once it is in.
type visitor struct {
	w                    *world
	token, access, fresh string
	strange              []string // headers that come with every request
	device               string   // the device token of the last sign-in
}

func (w *world) visitor() *visitor { return &visitor{w: w} }

// do sends a request with what the client holds, and keeps what comes back.
func (v *visitor) do(method, path, body string, headers ...string) answer {
	v.w.t.Helper()
	switch {
	case v.access != "":
		headers = append(headers, bearer(v.access))
	case v.token != "":
		headers = append(headers, "X-Session-Token: "+v.token)
	}
	a := v.w.call(method, path, body, append(headers, v.strange...)...)
	if t := a.text("meta.session_token"); t != "" {
		v.token = t
	}
	if t := a.text("meta.device_token"); t != "" {
		v.device = t
	}
	if t := a.text("meta.access_token"); t != "" {
		v.access, v.fresh = t, a.text("meta.refresh_token")
	}
	return a
}

func (v *visitor) post(path string, members ...string) answer {
	v.w.t.Helper()
	return v.do("POST", path, object(members...))
}

// object is a JSON object of text members, given as name, value, name, value.
func object(members ...string) string {
	m := map[string]string{}
	for i := 0; i < len(members); i += 2 {
		m[members[i]] = members[i+1]
	}
	b, _ := json.Marshal(m)
	return string(b)
}

// pending are the ids of the flows that an answer says are pending.
func (a answer) pending() string {
	a.t.Helper()
	var got struct {
		Data struct {
			Flows []struct {
				ID        string
				IsPending bool `json:"is_pending"`
			}
		}
	}
	if err := json.Unmarshal([]byte(a.Body), &got); err != nil {
		a.t.Fatal(err)
	}
	var ids []string
	for _, f := range got.Data.Flows {
		if f.IsPending {
			ids = append(ids, f.ID)
		}
	}
	return strings.Join(ids, " ")
}

// waits fails unless the answer is 401 with exactly these flows pending.
func (a answer) waits(ids ...string) answer {
	a.t.Helper()
	a.wants(401)
	if got := a.pending(); got != strings.Join(ids, " ") {
		a.t.Fatalf("pending %q, want %q: %s", got, ids, a.Body)
	}
	return a
}

// in fails unless the answer is a completed sign-in.
func (a answer) in() answer {
	a.t.Helper()
	a.wants(200)
	if a.text("meta.access_token") == "" || a.text("meta.refresh_token") == "" || a.text("meta.session_token") == "" {
		a.t.Fatalf("no tokens: %s", a.Body)
	}
	return a
}

// signedIn is a client that has just made an account by the raw API.
func (w *world) signedIn(email string) *visitor {
	w.t.Helper()
	v := w.visitor()
	v.post(signupPath, "email", email, "password", goodPassword).in()
	return v
}

// verified is signedIn with an address that is verified.
func (w *world) verified(email string) *visitor {
	w.t.Helper()
	v := w.visitor()
	v.post(signupPath, "email", email, "password", goodPassword).waits("verify_email")
	v.post(verifyEmailPath, "key", w.mailedCode(email, 1)).in()
	return v
}

// again is another client, signed in by password.
func (w *world) again(email string) *visitor {
	w.t.Helper()
	v := w.visitor()
	v.post(loginPath, "email", email, "password", goodPassword).in()
	return v
}
