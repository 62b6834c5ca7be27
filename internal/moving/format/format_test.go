package format_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/moving/format"
)

const head = `{"format":1,"ids":"int","kind":"head","rotation":true,"source":"django-allauth 65.21.1","totp":{"digits":6,"period":30}}`

// digestOf is computed here from lines that are in canonical form already.
func digestOf(lines ...string) string {
	var d format.Digest
	for _, line := range lines {
		d.Add(sha256.Sum256([]byte(line)))
	}

	return d.String()
}

func end(users, sessions int, lines ...string) string {
	return fmt.Sprintf(`{"digest":"%s","kind":"end","sessions":%d,"users":%d}`, digestOf(lines...), sessions, users)
}

func file(lines ...string) string { return strings.Join(lines, "\n") + "\n" }

// readAll returns the lines and what was refused.
func readAll(t *testing.T, text string) ([]format.Line, []*format.LineError) {
	t.Helper()

	var lines []format.Line
	var refused []*format.LineError
	r := format.NewReader(strings.NewReader(text))
	for {
		line, err := r.Next()
		var wrong *format.LineError
		switch {
		case errors.Is(err, io.EOF):
			return lines, refused
		case errors.As(err, &wrong):
			refused = append(refused, wrong)
		case err != nil:
			t.Fatal(err)
		default:
			lines = append(lines, line)
		}
	}
}

func everyLine() []any {
	at := format.At(time.Date(2026, 11, 30, 12, 0, 0, 123456789, time.FixedZone("", 3600)))
	yes, sum := true, bytes.Repeat([]byte{0xfb}, 32)

	return []any{
		&format.Head{Format: 1, Source: "here", IDs: "uuid", Rotation: true, TOTP: &format.TOTP{Digits: 8, Period: 60}, Complete: &yes, ExportedAt: at},
		&format.Tenant{ID: "7", Name: "Käse & <Söhne>", CreatedAt: at},
		&format.User{
			ID: "a-b_C", Display: "Ann \u2028", Username: "ann", CreatedAt: at, Disabled: true, Password: "pbkdf2_sha256$1$a$b", PasswordHook: true,
			WebAuthnHandle: []byte{3}, Emails: []format.Email{{Address: "ann@example.com", Verified: true, Primary: true}},
			Phone: &format.Phone{Number: "+4915112345678", Verified: true}, TOTP: &format.TOTPAuthenticator{ID: "1", Secret: "ABC", CreatedAt: at, LastUsedAt: at},
			RecoveryCodes: &format.RecoveryCodes{ID: "2", Codes: []string{"1", "2"}, Used: []int{1}, ViewedAt: at, CreatedAt: at, LastUsedAt: at},
			WebAuthn: []format.Credential{{
				ID: "3", Name: "phone", CredentialID: sum, PublicKey: sum, SignCount: 1<<32 - 1, AAGUID: "00000000-0000-0000-0000-000000000000",
				Transports: []string{"internal"}, BackupEligible: true, BackupState: true, Passwordless: &yes, RPIDHash: sum, CreatedAt: at, LastUsedAt: at,
			}},
			Providers: []format.ProviderAccount{{Provider: "apple", UID: "u", Display: "d", ClientID: "c", RefreshToken: "r", CreatedAt: at, LastUsedAt: at}},
			Tenants:   []format.Membership{{ID: "7", Primary: true}},
		},
		&format.Session{
			User: "a-b_C", TokenSHA256: sum, CreatedAt: at, LastSeenAt: at, ExpiresAt: at, UserAgent: "x", Address: "::1",
			Methods: []format.Method{{Method: "mfa", At: 1, Email: "e", Username: "u", Phone: "p", Reauthenticated: true, ID: "1", Type: "totp", Passwordless: true, Provider: "apple", UID: "u"}},
			Refresh: []format.Refresh{{JTISHA256: sum, ExpiresAt: at}},
		},
		&format.Gone{User: "x"},
		&format.Gone{Session: sum},
	}
}

func TestFile_isReadAsItWasWritten(t *testing.T) {
	t.Parallel()

	var out bytes.Buffer
	w := format.NewWriter(&out)
	for _, line := range everyLine() {
		if err := w.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}

	lines, refused := readAll(t, out.String())
	if len(refused) > 0 {
		t.Fatalf("got %v, want no line refused", refused)
	}
	got := []any{lines[0].Head, lines[1].Tenant, lines[2].User, lines[3].Session, lines[4].Gone, lines[5].Gone}
	for i, want := range everyLine() {
		if _, err := format.Encode(want); err != nil { // sets the kind
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got[i], want) {
			t.Errorf("line %d: got %+v, want %+v", i+1, got[i], want)
		}
	}
	if e := lines[6].End; *e != w.End() || e.Users != 1 || e.Sessions != 1 {
		t.Errorf("the end: got %+v, want %+v", e, w.End())
	}
}

// The figures are those of Python: json.dumps(sort_keys=True, separators=(",", ":"), ensure_ascii=False),
// hashlib.sha256, and a sum modulo 2**256.
func TestDigest_isThatOfAnotherProgram(t *testing.T) {
	t.Parallel()

	user := "{\"display\":\"Zoë \u2028 \\u001f\\\\u0000 <&>\",\"emails\":[{\"address\":\"zoë@example.com\",\"primary\":true,\"verified\":true}],\"id\":\"1\",\"kind\":\"user\"}"
	gone := `{"kind":"gone","user":"2"}`
	const want = "8609e444a6b458766aa080cf63709252394d686019f19d8f502b5e590ae8e23b"
	if got := digestOf(head, user, gone); got != want {
		t.Errorf("got %s, want %s", got, want)
	}

	for name, text := range map[string]string{
		"as it is":       file(head, user, gone, end(1, 0, head, user, gone)),
		"another order":  file(head, gone, user, end(1, 0, head, user, gone)),
		"another form":   file(head, `{ "user":"2" , "kind":"gon\u0065"}`+"\r", strings.Replace(user, "Zoë", `Zo\u00eb`, 1), end(1, 0, head, user, gone)),
		"members in row": file(`{"kind":"head","source":"django-allauth 65.21.1","format":1.0,"ids":"int","rotation":true,"totp":{"period":3e1,"digits":6}}`, user, gone, end(1, 0, head, user, gone)),
	} {
		if _, refused := readAll(t, text); len(refused) > 0 {
			t.Errorf("%s: got %v, want no line refused", name, refused)
		}
	}
}

func TestReader_takesNullAbsentAndEmptyForOne(t *testing.T) {
	t.Parallel()

	user := `{"display":null,"emails":[],"id":"1","kind":"user","phone":null,"providers":null,"created_at":null,"totp":null,"username":"","webauthn_handle":null}`
	lines, _ := readAll(t, file(head, user))
	if want := (&format.User{Kind: "user", ID: "1", Emails: []format.Email{}}); !reflect.DeepEqual(lines[1].User, want) {
		t.Errorf("got %+v, want %+v", lines[1].User, want)
	}
}

// Each of these is one bad line of an otherwise good file.
func TestReader_refusesABadLineAndSaysWhere(t *testing.T) {
	t.Parallel()

	const secret = "S3CRET-canary"
	for line, want := range map[string]string{
		``:                           "line 2: is not one JSON object",
		`[]`:                         "line 2: is not one JSON object",
		`{"kind":"user","id":"1"`:    "line 2: is not one JSON object",
		`{"kind":"user","id":"1"}{}`: "line 2: is not one JSON object",
		"{\"kind\":\"user\",\"id\":\"1\",\"display\":\"\xff\"}":                                             "line 2: is not one JSON object in UTF-8",
		`{"kind":"user","id":"1","display":"\ud800"}`:                                                       "line 2: is not one JSON object in UTF-8",
		`{"kind":"user","id":"1","id":"2"}`:                                                                 "line 2: is not one JSON object in UTF-8 whose names are all different",
		"\ufeff" + `{"kind":"user","id":"1"}`:                                                               "line 2: is not one JSON object",
		`{"kind":"group","id":"1"}`:                                                                         "line 2: kind: is none of head, tenant",
		`{"kind":null,"id":"1"}`:                                                                            "line 2: kind: is none of head, tenant",
		`{"id":"1"}`:                                                                                        "line 2: kind: is none of head, tenant",
		`{"kind":"user","id":"1","is_staff":"` + secret + `"}`:                                              "line 2: user 1: is_staff: is a member that the format does not have",
		`{"kind":"user","id":"1","emails":[{"address":"a@b.c","Verified":true}]}`:                           "line 2: user 1: emails[0].Verified: is a member that the format does not have",
		`{"kind":"user","id":"1","` + secret + `é":1}`:                                                      "line 2: user 1: S3CRET?canary?: is a member that the format does not have",
		`{"kind":"user"}`:                                                                                   "line 2: id: is missing",
		`{"kind":"user","id":1}`:                                                                            "line 2: id: an id is a text",
		`{"kind":"user","id":""}`:                                                                           "line 2: id: an id is a text",
		`{"kind":"user","id":"a b"}`:                                                                        "line 2: id: an id is a text",
		`{"kind":"user","id":"` + strings.Repeat("x", 65) + `"}`:                                            "line 2: id: an id is a text",
		`{"kind":"user","id":"1","password":["` + secret + `"]}`:                                            "line 2: user 1: password: is of another type",
		`{"kind":"user","id":"1","disabled":"yes"}`:                                                         "line 2: user 1: disabled: is of another type",
		`{"kind":"user","id":"1","display":"a\u0000b"}`:                                                     "line 2: user 1: display: has the character U+0000",
		`{"kind":"user","id":"1","emails":[{"address":"a\u0000@b.c"}]}`:                                     "line 2: user 1: emails[0].address: has the character U+0000",
		`{"kind":"user","id":"1","created_at":"2026-11-30 12:00:00Z"}`:                                      "line 2: user 1: created_at: a time is",
		`{"kind":"user","id":"1","created_at":"2026-11-30T12:00:00"}`:                                       "line 2: user 1: created_at: a time is",
		`{"kind":"user","id":"1","created_at":"2026-11-30T12:00:00.1234567Z"}`:                              "line 2: user 1: created_at: a time is",
		`{"kind":"user","id":"1","created_at":"2026-02-30T12:00:00Z"}`:                                      "line 2: user 1: created_at: a time is",
		`{"kind":"user","id":"1","created_at":1764504000}`:                                                  "line 2: user 1: created_at: a time is",
		`{"kind":"user","id":"1","emails":[{"address":""}]}`:                                                "line 2: user 1: emails[0].address: is missing",
		`{"kind":"user","id":"1","emails":[{"address":"a","primary":true},{"address":"b","primary":true}]}`: "line 2: user 1: emails: has more than one primary",
		`{"kind":"user","id":"1","phone":{"number":""}}`:                                                    "line 2: user 1: phone.number: is missing",
		`{"kind":"user","id":"1","webauthn_handle":"a+b/"}`:                                                 "line 2: user 1: webauthn_handle: bytes are",
		`{"kind":"user","id":"1","webauthn_handle":"YQ=="}`:                                                 "line 2: user 1: webauthn_handle: bytes are",
		`{"kind":"user","id":"1","webauthn_handle":"YR"}`:                                                   "line 2: user 1: webauthn_handle: bytes are",
		`{"kind":"user","id":"1","webauthn_handle":"` + strings.Repeat("A", 87) + `"}`:                      "line 2: user 1: webauthn_handle: has more than 64",
		`{"kind":"user","id":"1","recovery_codes":{"codes":["` + secret + `"],"used":[1]}}`:                 "line 2: user 1: recovery_codes.used[0]: is not a position",
		`{"kind":"user","id":"1","recovery_codes":{"codes":["` + secret + `"],"used":[-1]}}`:                "line 2: user 1: recovery_codes.used[0]: is not a position",
		`{"kind":"user","id":"1","recovery_codes":{"codes":["` + secret + `"],"used":[0.5]}}`:               "line 2: user 1: recovery_codes.used[0]: is of another type",
		`{"kind":"user","id":"1","tenants":[{"id":"1","primary":true},{"id":"2","primary":true}]}`:          "line 2: user 1: tenants: has more than one primary",
		`{"kind":"session","user":"1","token_sha256":"` + secret + `","expires_at":"2026-11-30T12:00:00Z"}`: "line 2: user 1: token_sha256: bytes are a text",
		`{"kind":"session","user":"1","token_sha256":"YQ","expires_at":"2026-11-30T12:00:00Z"}`:             "line 2: user 1: token_sha256: is not the 32 bytes",
		`{"kind":"session","user":"1","token_sha256":"` + strings.Repeat("A", 43) + `"}`:                    "line 2: user 1: expires_at: is missing",
		`{"kind":"gone"}`: "line 2: has exactly one of user and session",
		`{"kind":"gone","user":"1","session":"` + strings.Repeat("A", 43) + `"}`: "line 2: user 1: has exactly one of user and session",
		head: "line 2: a head is the first line",
		`{"kind":"user","id":"1","display":"` + strings.Repeat("x", format.MaxLine) + `"}`: "line 2: has more than 1048576 bytes",
	} {
		good := `{"id":"9","kind":"user"}`
		lines, refused := readAll(t, file(head, line, good, end(1, 0, head, good)))
		short := line[:min(len(line), 100)]
		if len(refused) != 1 || !strings.HasPrefix(refused[0].Error(), want) {
			t.Errorf("%s: got %v, want only %q", short, refused, want)
			continue
		}
		if strings.Contains(refused[0].Error(), secret) {
			t.Errorf("%s: the message quotes a value: %v", short, refused[0])
		}
		if len(lines) != 3 || lines[1].User.ID != "9" || lines[1].Number != 3 {
			t.Errorf("%s: got %+v, want the line behind it read", short, lines)
		}
	}
}

func TestReader_refusesAFileThatIsCutOrChanged(t *testing.T) {
	t.Parallel()

	one, two := `{"id":"1","kind":"user"}`, `{"id":"2","kind":"user"}`
	whole := file(head, one, two, end(2, 0, head, one, two))
	if _, refused := readAll(t, whole); len(refused) > 0 {
		t.Fatalf("the whole file: got %v", refused)
	}
	for cut := range len(whole) {
		if _, refused := readAll(t, whole[:cut]); len(refused) == 0 {
			t.Errorf("cut behind byte %d: got no line refused", cut)
		}
	}

	other := "is not that of the lines"
	for name, test := range map[string]struct{ text, want string }{
		"empty":             {"", "the file is cut"},
		"no head":           {file(one, end(1, 0, one)), "line 1: user"},
		"a line twice":      {file(head, one, one, two, end(3, 0, head, one, two)), "line 5: digest: " + other},
		"a line is missing": {file(head, one, end(2, 0, head, one, two)), "line 3: users: says 2, but the file has 1"},
		"a changed byte":    {file(head, one, `{"id":"3","kind":"user"}`, end(2, 0, head, one, two)), "line 4: digest: " + other},
		"a changed head":    {file(strings.Replace(head, "true", "false", 1), one, two, end(2, 0, head, one, two)), "line 4: digest: " + other},
		"behind the end":    {whole + one + "\n", "line 5: follows the line of the kind end"},
		"two ends":          {whole + end(2, 0, head, one, two) + "\n", "line 5: follows the line of the kind end"},
		"no sessions":       {file(head, one, end(1, 1, head, one)), "line 3: sessions: says 1, but the file has 0"},
		"another version":   {file(strings.Replace(head, `"format":1`, `"format":2`, 1), end(0, 0)), "line 1: format: is not 1"},
	} {
		_, refused := readAll(t, test.text)
		want := strings.Replace(test.want, "line 1: user", "line 1: a head is the first line", 1)
		if len(refused) == 0 || !strings.HasPrefix(refused[0].Error(), want) {
			t.Errorf("%s: got %v, want %q", name, refused, want)
		}
	}
}

// A writer refuses what a reader refuses, so that an exporter finds its mistake itself.
func TestWriter_refusesWhatAReaderRefuses(t *testing.T) {
	t.Parallel()

	w := format.NewWriter(io.Discard)
	if err := w.Write(&format.User{ID: "1"}); err == nil {
		t.Error("a user before the head: got no error")
	}
	if err := w.Write(&format.Head{Format: 1, Source: "x", IDs: "int"}); err != nil {
		t.Fatal(err)
	}
	for _, line := range []any{&format.Head{Format: 1, Source: "x", IDs: "int"}, &format.End{}, &format.User{}, &format.User{ID: "a b"}, &format.User{ID: "1", Display: "a\x00"}, 7} {
		if err := w.Write(line); err == nil {
			t.Errorf("%+v: got no error", line)
		}
	}
}

func TestReadUser_readsWhatAReaderReads(t *testing.T) {
	t.Parallel()

	for _, text := range []string{
		`{"id":"7","emails":[{"address":"ann@example.com","verified":true,"primary":true}],"password_hook":true}`,
		`{"kind":"user","id":"7","password_hook":true,"emails":[{"verified":true,"primary":true,"address":"ann@example.com"}]}`,
	} {
		u, err := format.ReadUser([]byte(text))
		if err != nil || u.ID != "7" || !u.PasswordHook || len(u.Emails) != 1 || u.Emails[0].Address != "ann@example.com" {
			t.Errorf("%s: got %+v and %v", text, u, err)
		}
	}

	for text, want := range map[string]string{
		`{}`: "id", `{"id":7}`: "id", `{"id":"7","color":"red"}`: "color", `{"kind":"gone","id":"7"}`: "kind", `{"kind":"","id":"7"}`: "kind",
		`[]`: "", `{"id":"7"`: "", `{"id":"7","id":"8"}`: "", `{"id":"7","emails":[{"address":""}]}`: "emails[0].address",
		`{"id":"7","display":"\u0000"}`: "display", `{"ID":"7"}`: "ID",
	} {
		_, err := format.ReadUser([]byte(text))
		var wrong *format.LineError
		if !errors.As(err, &wrong) || wrong.Member != want {
			t.Errorf("%s: got %v, want an error about %q", text, err, want)
		}
	}
}
