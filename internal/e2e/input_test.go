package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// reader is an operation that reads a body.
type reader struct {
	method, path, id string
	schema           *openapi3.Schema
	example          map[string]any
	text             string   // the example
	with             []string // the credential that it needs
}

// readers are all operations of the spec that read a body, and a world where each can
// be called: their examples are good, and the person in them exists.
func readers(t *testing.T) (*world, []reader) {
	t.Helper()
	w := start(t)
	with := bearer(w.signedUp("ada@example.com").Tokens().Access)
	var list []reader
	for path, item := range spec.paths() {
		for method, op := range item.Operations() {
			if op.RequestBody == nil {
				continue
			}
			media := op.RequestBody.Value.Content["application/json"]
			if op.OperationID == "changePassword" { // so that it can be repeated
				media.Example.(map[string]any)["new_password"] = goodPassword
			}
			r := reader{method: method, path: path, id: op.OperationID, schema: media.Schema.Value, example: media.Example.(map[string]any)}
			b, _ := json.Marshal(r.example)
			r.text = string(b)
			if op.Security == nil { // the document's own: a session is needed
				r.with = []string{with}
			}
			list = append(list, r)
		}
	}
	if len(list) < 6 {
		t.Fatalf("only %d operations with a body", len(list))
	}
	return w, list
}

func (w *world) send(r reader, body string, headers ...string) answer {
	w.t.Helper()
	return w.call(r.method, r.path, body, append(append([]string{"Content-Type: application/json"}, r.with...), headers...)...)
}

// verdict is an answer's status and problems.
func (a answer) verdict() string {
	a.t.Helper()
	var got struct {
		Errors []struct{ Code, Param string }
	}
	if err := json.Unmarshal([]byte(a.Body), &got); err != nil {
		a.t.Fatal(err)
	}
	return fmt.Sprint(a.Status, got.Errors)
}

// plus is the example with one member more, or another value of one.
func (r reader) plus(name string, value any) string {
	body := maps.Clone(r.example)
	body[name] = value
	b, _ := json.Marshal(body)
	return string(b)
}

// before is the example with text in front of its members.
func (r reader) before(members string) string { return "{" + members + "," + r.text[1:] }

func TestSEC82_onlyJSONIsRead(t *testing.T) {
	t.Parallel()
	w, list := readers(t)
	for _, r := range list {
		for _, media := range []string{
			"text/plain", "application/x-www-form-urlencoded", "application/xml", "application/jsonp", "application/json-seq", "application/xml+jso",
			"multipart/form-data; boundary=x", "multipart/form-data+json", "application/json; charset=latin1", "application/json; charset=utf-16",
			"application/json; charset", "application/json, text/plain", "text/plain, application/json", "*/*", "application/*", "json", "+json",
		} {
			w.send(r, r.text, "Content-Type: "+media).wants(415, "unsupported_media_type")
		}
		form := "--x\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\nada@example.com\r\n--x--\r\n"
		w.send(r, form, "Content-Type: multipart/form-data; boundary=x").wants(415, "unsupported_media_type")
		plain := w.send(r, r.text).verdict()
		for _, media := range []string{
			"", "Application/JSON", `application/json;charset=UTF-8`, `application/json; charset="utf-8"`, "application/json; charset=utf8", "text/json",
			"application/json; charset=us-ascii", "application/json; charset=ASCII", "application/json;", "application/json;; charset=utf-8", "application/json ; ;; x=1 ;",
			"application/json; profile=x; charset=utf-8", "application/vnd.api+json", "application/problem+json",
		} {
			if got := w.send(r, r.text, "Content-Type: "+media).verdict(); got != plain {
				t.Errorf("%s as %s: %s, want %s", r.id, media, got, plain)
			}
		}
	}
}

func TestSEC82_nothingIsInflated(t *testing.T) {
	t.Parallel()
	w, list := readers(t)
	for _, r := range list {
		var zipped bytes.Buffer
		z := gzip.NewWriter(&zipped)
		_, _ = z.Write([]byte(r.text))
		_ = z.Close()
		w.send(r, zipped.String(), "Content-Encoding: gzip").wants(415, "unsupported_media_type")
		for _, coding := range []string{"gzip", "deflate", "br", "zstd", "gzip, identity", "identity, gzip", "x"} {
			w.send(r, r.text, "Content-Encoding: "+coding).wants(415, "unsupported_media_type")
		}
		if plain, identity := w.send(r, r.text).verdict(), w.send(r, r.text, "Content-Encoding: Identity").verdict(); identity != plain {
			t.Errorf("%s: as identity %s, want %s", r.id, identity, plain)
		}
		w.send(r, zipped.String()).wants(400, "invalid_json")
	}
}

func TestSEC82_aBodyHasALimit(t *testing.T) {
	t.Parallel()
	w, list := readers(t)
	const limit = 64 << 10
	for _, r := range list {
		head := append([]string{"Content-Type: application/json"}, r.with...)
		full := r.text + strings.Repeat(" ", limit-len(r.text))
		plain := w.send(r, r.text).verdict()
		whole := w.one(block(r.method, r.path, full, append(head, sized(full))...)).verdict()
		inChunks := w.one(block(r.method, r.path, chunked(full), append(head, "Transfer-Encoding: chunked")...)).verdict()
		if whole != plain || inChunks != plain {
			t.Errorf("%s with 65,536 bytes: %s, in a chunk %s, want %s", r.id, whole, inChunks, plain)
		}
		for _, a := range []answer{
			w.one(block(r.method, r.path, full+" ", append(head, sized(full+" "))...)),
			w.one(block(r.method, r.path, "", append(head, "Content-Length: 65537")...)), // refused before it is read
			w.one(block(r.method, r.path, chunked(full+" "), append(head, "Transfer-Encoding: chunked")...)),
			w.one(block(r.method, r.path, fmt.Sprintf("%x\r\n%s\r\n", limit, full)+chunked(" "), append(head, "Transfer-Encoding: chunked")...)),
		} {
			a.wants(413, "body_too_large")
		}
	}
}

func TestSEC82_strictBodies(t *testing.T) {
	t.Parallel()
	w, list := readers(t)
	sessions := query[int](w, "SELECT count(*) FROM sessions")
	for _, body := range []string{
		`{"email":"ada@example.com","password":"wrong","PASSWORD":"` + goodPassword + `"}`,
		`{"email":"ada@example.com","PASSWORD":"` + goodPassword + `","password":"wrong"}`,
		`{"email":"eve@example.com","Email":"ada@example.com","password":"` + goodPassword + `"}`,
		`{"email":"ada@example.com","password":"wrong","password":"` + goodPassword + `"}`,
		`{"email":"ada@example.com","password":"wrong","pa\u0073sword":"` + goodPassword + `"}`,
		`{"email":"ada@example.com","password":"wrong","pa` + "\u017f" + `sword":"` + goodPassword + `"}`,
	} {
		w.call("POST", loginPath, body).wants(400, "invalid_json")
	}
	// Alone, a name in another case is one that we do not know.
	w.call("POST", loginPath, `{"email":"ada@example.com","PASSWORD":"`+goodPassword+`"}`).wants(400, "required@password")
	w.call("POST", loginPath, `{"EMAIL":"ada@example.com","Password":"`+goodPassword+`"}`).wants(400, "required@email", "required@password")
	if n := query[int](w, "SELECT count(*) FROM sessions"); n != sessions {
		t.Errorf("one of them signed in")
	}
	// Nor does one that may be left out get past the validation under such a name.
	profile := list[slices.IndexFunc(list, func(r reader) bool { return r.id == "updateProfile" })]
	for _, body := range []string{`{"DISPLAY":"smuggled"}`, `{"di` + "\u017f" + `play":"smuggled"}`, `{"Display":"` + strings.Repeat("x", 300) + `"}`, `{"DISPLAY":7}`} {
		if display := w.send(profile, body).wants(200).text("display"); display != "ada" {
			t.Errorf("%.40s: display is %.40q", body, display)
		}
	}
	w.call("POST", loginPath, credentials("ada@example.com", goodPassword)).wants(200)
}

// broken are texts that are not one JSON object with each name once.
func (r reader) broken() []string {
	list := []string{
		" ", "null", "true", "7", `"x"`, "[]", "[" + r.text + "]", "{", "}", r.text[:len(r.text)-1], r.text[1:], r.text + "}", r.text + "x",
		r.text + r.text, r.text + "\n" + r.text, r.text + ",", r.text + " null", r.text + "\x00", "x" + r.text, "\ufeff" + r.text, r.text + "\ufeff",
		"\xff\xfe{\x00}\x00", strings.Replace(r.text, `"`, `'`, 2), strings.Replace(r.text, ":", "=", 1), r.text[:len(r.text)-1] + ",}", "{," + r.text[1:],
		r.before("/**/"), r.before("//\n"), r.before(`"x"`), r.before(`"x":`), r.before(`x:1`), r.before(`1:1`), r.before(`null:1`),
	}
	for _, value := range []string{
		"NaN", "Infinity", "-", "+1", "01", "1.", ".1", "1e", "0x1", "1e999", "True", "nul", "undefined", "'x'", `"x`, "\"\n\"", "\"\t\"", `"\x"`, `"\u12"`, "[1,]", "[", "]", "{]",
		"\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"a\xe2\x82\"", `"\ud800"`, `"\udc00\ud800"`, // no UTF-8
		`{"a":1,"a":1}`, `{"a":1,"A":1}`, `[{"b":{"a":1,"\u0061":1}}]`, `{"K":1,"` + "\u212a" + `":1}`,
	} {
		list = append(list, r.before(`"x":`+value))
	}
	list = append(list, r.before("\"\xff\":1"), r.before(`"x":1,"x":1`), r.before(`"x":1,"X":1`), r.before(`"`+strings.Repeat("x", 16<<10+1)+`":1`))
	for name := range r.example {
		for _, again := range []string{name, strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:], fmt.Sprintf(`\u%04x`, name[0]) + name[1:]} {
			list = append(list, r.before(`"`+again+`":null`), r.before(`"`+again+`":"x"`), r.text[:len(r.text)-1]+`,"`+again+`":"x"}`)
		}
	}
	return list
}

func TestSEC82_whatIsNotOneObjectWithEachNameOnceIsRefused(t *testing.T) {
	t.Parallel()
	w, list := readers(t)
	for _, r := range list {
		for _, body := range r.broken() {
			if a := w.send(r, body); a.verdict() != "400 [{invalid_json }]" {
				t.Errorf("%s %.80q: %d %s", r.id, body, a.Status, a.Body)
			}
		}
		for members, at := range map[string]string{`"x":"a\u0000b"`: "@x", `"a\u0000b":1`: "", `"x":[{"y":"\u0000"}]`: "@x.y"} {
			w.send(r, r.before(members)).wants(400, "null_characters_not_allowed"+at)
		}
		for name := range r.example {
			w.send(r, r.plus(name, "a\x00b")).wants(400, "null_characters_not_allowed@"+name)
		}
	}
}

// members counts as the limit does: members of objects and elements of arrays.
func members(v any) int {
	n := 0
	switch v := v.(type) {
	case map[string]any:
		for _, value := range v {
			n += 1 + members(value)
		}
	case []any:
		for _, value := range v {
			n += 1 + members(value)
		}
	}
	return n
}

func TestSEC82_whatIsNotKnownIsIgnoredUpToALimit(t *testing.T) {
	t.Parallel()
	w, list := readers(t)
	nested := func(depth int) any {
		var v any = 1
		for range depth {
			v = []any{v}
		}
		return v
	}
	for _, r := range list {
		plain := w.send(r, r.text).verdict()
		room := 200 - members(r.example) - 1
		for _, limit := range []struct {
			name      string
			last, one any
		}{
			{"depth", nested(7), nested(8)}, // the object itself is the first level
			{"members", make([]int, room), make([]int, room+1)},
			{"text", strings.Repeat("x", 16<<10), strings.Repeat("x", 16<<10+1)},
			{"bytes of a text", strings.Repeat("é", 8<<10), strings.Repeat("é", 8<<10) + "x"},
			{"depth of objects", map[string]any{"a": nested(6)}, map[string]any{"a": nested(7)}},
		} {
			if got := w.send(r, r.plus("x", limit.last)).verdict(); got != plain {
				t.Errorf("%s at the limit of %s: %s, want %s", r.id, limit.name, got, plain)
			}
			w.send(r, r.plus("x", limit.one)).wants(400, "invalid_json")
		}
		for _, name := range []string{"id", "is_admin", "tenant_id", "verified", "__proto__", "status", ""} {
			if r.schema.Properties[name] != nil {
				continue
			}
			if got := w.send(r, r.plus(name, true)).verdict(); got != plain {
				t.Errorf("%s with %q: %s, want %s", r.id, name, got, plain)
			}
		}
	}
}

func TestInput_anOverlongTextIsNamed(t *testing.T) {
	t.Parallel()
	w, list := readers(t)
	seen := 0
	for _, r := range list {
		for name, member := range r.schema.Properties {
			if !member.Value.Type.Is("string") {
				continue
			}
			if member.Value.MaxLength == nil {
				t.Errorf("%s: %s has no limit", r.id, name)
				continue
			}
			seen++
			limit := int(*member.Value.MaxLength)
			tail := ""
			if member.Value.Format == "email" {
				tail = "@example.com"
			}
			for _, letter := range []string{"a", "é", "𝄞"} {
				long := strings.Repeat(letter, limit+1-len(tail)) + tail
				if len(long) > 16<<10 {
					continue // refused as it is read
				}
				w.send(r, r.plus(name, long)).wants(400, "max_length@"+name)
				if got := w.send(r, r.plus(name, strings.TrimPrefix(long, letter))).verdict(); strings.Contains(got, "max_length") && tail == "" {
					t.Errorf("%s: %s at its limit: %s", r.id, name, got)
				}
			}
		}
	}
	if seen < 7 {
		t.Errorf("only %d members with a limit", seen)
	}
}

func TestInput_anIdempotencyKeyIsWellFormedOrRefused(t *testing.T) {
	t.Parallel()
	w, list := readers(t)
	for path, item := range spec.paths() {
		i := slices.IndexFunc(list, func(r reader) bool { return r.path == path })
		if i < 0 || item.Post == nil || len(item.Post.Parameters) == 0 {
			continue
		}
		r := list[i]
		for _, key := range []string{
			"x", "1234567", strings.Repeat("x", 65), strings.Repeat("x", 4000), "1234 5678", "1234567\u00e9", "12345678,", "12345678,12345678",
			"1234%205678", "1234\t5678", "12345678=", "12345678'", `"12345678"`, "../12345678", "12345678\xff",
		} {
			w.send(r, r.text, "Idempotency-Key: "+key).wants(400, "invalid@Idempotency-Key")
		}
		plain := w.send(r, r.text).verdict()
		for _, key := range []string{"", "12345678", strings.Repeat("x", 64), "Az09_-Az09_-"} {
			if got := w.send(r, r.text, "Idempotency-Key: "+key).verdict(); got != plain {
				t.Errorf("%s with %q: %s, want %s", r.id, key, got, plain)
			}
		}
	}
}

// canary is a value that no answer and no log line may hold.
const canary = "c4n4ry"

// strange are header lines with the canary in them, one request each.
var strange = []string{
	"User-Agent: " + canary, "X-Device-Name: " + canary, "X-Request-Id: " + canary + " x", "Idempotency-Key: " + canary + " x", "Idempotency-Key: " + canary,
	"X-Session-Token: " + canary, "Authorization: Bearer " + canary, "Authorization: Bearer " + canary + " x", "Authorization: Basic " + canary, "Authorization: " + canary,
	"Content-Type: " + canary + "/json", "Content-Type: application/json; charset=" + canary, "Content-Encoding: " + canary, "Accept: " + canary, "Accept-Language: " + canary,
	"Origin: https://" + canary, "Referer: https://" + canary, "Cookie: " + canary + "=" + canary, "X-Forwarded-For: " + canary, "X-Forwarded-Host: " + canary,
	"Forwarded: for=" + canary, "Range: bytes=" + canary, "If-None-Match: " + canary, "X-HTTP-Method-Override: " + canary, canary + ": " + canary, "Expect: " + canary, "Trailer: " + canary,
	"Host: " + canary, "Content-Length: " + canary, "Transfer-Encoding: " + canary, "Connection: " + canary, "Upgrade: " + canary, canary, " " + canary, canary + " : x", "X: \x00" + canary,
}

// strangeBodies put the canary everywhere in a body that is refused, whatever it says.
func (r reader) strangeBodies() []string {
	list := []string{canary, `"` + canary + `"`, r.text + canary, r.before(`"` + canary + `":` + canary), r.before(`"` + canary + `":1,"` + canary + `":2`), `[{"` + canary + `":"` + canary + `"}]`}
	for name := range r.example {
		for _, value := range []any{
			strings.Repeat(canary, 800), canary + "\x00", []any{canary}, map[string]any{canary: canary}, []any{map[string]any{canary: []any{canary}}},
		} {
			list = append(list, r.plus(name, value))
		}
	}
	return list
}

// takesAnything reports whether a member of the body is described without a type.
func (r reader) takesAnything() bool {
	for _, member := range r.schema.Properties {
		if member.Value.Type == nil {
			return true
		}
	}
	return false
}

func TestSEC89_nothingThatIsSubmittedComesBack(t *testing.T) {
	t.Parallel()
	w, list := readers(t)
	silent := func(text string) {
		t.Helper()
		for _, a := range w.raw(text) {
			if seen := strings.ToLower(fmt.Sprint(a.Header, a.Body)); strings.Contains(seen, canary) {
				t.Errorf("%.200q %d: %s", text, a.Status, seen)
			}
		}
	}
	for path, item := range spec.paths() {
		for method := range item.Operations() {
			for _, line := range strange {
				silent(block(method, path, "", line))
			}
			silent(block(method, path+"?"+canary+"="+canary+"&email="+canary, ""))
			silent(block(method, path+canary, ""))
		}
		silent(block(strings.ToUpper(canary), path, ""))
		silent(block("GET", path, "", "X-Filler: "+strings.Repeat(canary, 2000)))
	}
	for _, r := range list {
		head := append([]string{"Content-Type: application/json"}, r.with...)
		for _, line := range strange {
			silent(block(r.method, r.path, r.text, append(head, sized(r.text), line)...))
		}
		for _, body := range r.strangeBodies() {
			// What may be anything is looked at later: where the caller is in no state for it, that comes first.
			off := r.id == "receiveAppleNotification" // no app of Apple's is set up
			if a := w.send(r, body); a.Status != 400 && (!off && !r.takesAnything() || a.Status < 400 || a.Status >= 500) {
				t.Errorf("%s %.80s: %d", r.id, body, a.Status)
			}
			silent(block(r.method, r.path, body, append(head, sized(body))...))
			silent(block(r.method, r.path, canary+"\r\n"+body, append(head, "Transfer-Encoding: chunked")...))
		}
		for name := range r.example {
			if good := r.plus(name, canary+"@example.com"); r.id == "login" || strings.HasPrefix(r.id, "refresh") { // refused all the same
				silent(block(r.method, r.path, good, append(head, sized(good))...))
			}
		}
	}
	for _, text := range []string{canary + "\r\n\r\n", "GET /" + canary + "\r\n\r\n", "GET /" + canary + " HTTP/" + canary + "\r\n\r\n", "GET " + canary + " HTTP/1.1\r\nHost: x\r\n\r\n"} {
		silent(text)
	}
	if log := strings.ToLower(w.log.String()); strings.Contains(log, canary) {
		t.Errorf("in the log: %s", log[max(0, strings.Index(log, canary)-300):][:600])
	}
}
