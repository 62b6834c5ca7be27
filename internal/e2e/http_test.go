package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
)

// raw sends bytes as they are over a connection of their own, says that no more will
// follow, and reads answers until the server hangs up. Each is held against the spec.
func (w *world) raw(text string) []answer {
	w.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(8 * time.Second)); err != nil { // below the server's own limit
		w.t.Fatal(err)
	}
	// A server that refuses what it has not read to its end resets the connection: neither
	// error is one, as long as the answer came.
	_, _ = io.WriteString(c, text)
	_ = c.(*net.TCPConn).CloseWrite()
	got, err := io.ReadAll(c)
	if e, ok := err.(net.Error); ok && e.Timeout() {
		w.t.Errorf("the server waits for more after %.200q", text)
	}
	request, _ := http.ReadRequest(bufio.NewReader(strings.NewReader(text))) // nil where it is none
	in := bufio.NewReader(bytes.NewReader(got))
	var answers []answer
	for {
		if _, err := in.Peek(1); err != nil {
			return answers
		}
		verb, _, _ := strings.Cut(text, " ")
		r, err := http.ReadResponse(in, &http.Request{Method: verb}) // that of HEAD has no body
		if err != nil {
			w.t.Fatalf("%v after %.200q", err, text)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.t.Fatal(err)
		}
		if request != nil && verb != "HEAD" {
			if err := spec.checkRaw(request, r, body); err != nil {
				w.t.Errorf("%.80q %d: %v\n%s", text, r.StatusCode, err, body)
			}
		}
		answers = append(answers, answer{w.t, r.StatusCode, r.Header, string(body)})
		request = nil
	}
}

// checkRaw is check for requests that may be malformed: 400 whatever they ask for.
func (c *contract) checkRaw(r *http.Request, answer *http.Response, body []byte) error {
	route, _, err := c.router.FindRoute(r)
	if err == nil && answer.StatusCode == 400 && route.Operation.Responses.Status(400) == nil {
		return envelope(answer, body)
	}
	return c.check(r, answer, body)
}

// one is the answer to a request that is sent as it is.
func (w *world) one(text string) answer {
	w.t.Helper()
	answers := w.raw(text)
	if len(answers) != 1 {
		w.t.Fatalf("%d answers to %.200q", len(answers), text)
	}
	return answers[0]
}

// block is a request with these header lines, each as it is, and Host.
func block(method, path, body string, lines ...string) string {
	head := method + " " + path + " HTTP/1.1\r\nHost: x\r\n"
	for _, l := range lines {
		head += l + "\r\n"
	}
	return head + "\r\n" + body
}

func sized(body string) string { return fmt.Sprintf("Content-Length: %d", len(body)) }

// chunked is a body in one chunk.
func chunked(body string) string { return fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body) }

// smuggled is what a request must not bring in with it.
var smuggled = block("GET", configPath, "")

// A request that would change something if it were served: its first line, and headers
// and body that are good.
const (
	patchLine = "PATCH " + profilePath + " HTTP/1.1\r\n"
	patchBody = `{"display":"smuggled"}`
)

// lengths are bodies that two readers could cut differently. good are header lines of a
// request that is right but for its body.
func lengths(good string) map[string]string {
	start, length := patchLine+good, sized(patchBody)+"\r\n"
	const coding = "Transfer-Encoding: chunked\r\n"
	return map[string]string{
		"length and chunks":          start + length + coding + "\r\n" + chunked(patchBody),
		"chunks and length":          start + coding + length + "\r\n" + chunked(patchBody),
		"length first of all":        patchLine + length + good + coding + "\r\n" + chunked(patchBody),
		"length, no chunks":          start + "Content-Length: 5\r\n" + coding + "\r\n0\r\n\r\n",
		"length and CHUNKED":         start + "content-length: 5\r\ntransfer-encoding: CHUNKED\r\n\r\n" + chunked(patchBody),
		"length and identity":        start + length + "Transfer-Encoding: identity\r\n\r\n" + patchBody,
		"identity":                   start + "Transfer-Encoding: identity\r\n\r\n",
		"xchunked":                   start + "Transfer-Encoding: xchunked\r\n\r\n" + chunked(patchBody),
		"gzip, chunked":              start + "Transfer-Encoding: gzip, chunked\r\n\r\n" + chunked(patchBody),
		"no coding":                  start + length + "Transfer-Encoding:\r\n\r\n" + patchBody,
		"chunked twice":              start + coding + coding + "\r\n" + chunked(patchBody),
		"chunked in HTTP/1.0":        strings.Replace(start, "1.1", "1.0", 1) + coding + "\r\n" + chunked(patchBody),
		"two lengths":                start + length + "Content-Length: 3\r\n\r\n" + patchBody,
		"the same length twice":      start + length + length + "\r\n" + patchBody,
		"a list of lengths":          start + "Content-Length: 22, 22\r\n\r\n" + patchBody,
		"length with a sign":         start + "Content-Length: +22\r\n\r\n" + patchBody,
		"negative length":            start + "Content-Length: -22\r\n\r\n" + patchBody,
		"hexadecimal length":         start + "Content-Length: 0x16\r\n\r\n" + patchBody,
		"endless length":             start + "Content-Length: 99999999999999999999922\r\n\r\n" + patchBody,
		"empty length":               start + "Content-Length:\r\n\r\n" + patchBody,
		"chunk size with a sign":     start + coding + "\r\n+" + chunked(patchBody),
		"chunk size in a bare line":  start + coding + "\r\n16\n" + patchBody + "\r\n0\r\n\r\n",
		"chunk longer than its size": start + coding + "\r\n15\r\n" + patchBody + "\r\n0\r\n\r\n",
		"extension with a line feed": start + coding + "\r\n16;a\nb\r\n" + patchBody + "\r\n0\r\n\r\n",
	}
}

// doubtful are header blocks that two readers could read differently.
func doubtful(good string) map[string]string {
	good += sized(patchBody) + "\r\n"
	return map[string]string{
		"blank before the colon":     patchLine + strings.Replace(good, "Length:", "Length :", 1) + "\r\n" + patchBody,
		"tab before the colon":       patchLine + strings.Replace(good, "Length:", "Length\t:", 1) + "\r\n" + patchBody,
		"blank in a name":            patchLine + good + "X-Session Token: x\r\n\r\n" + patchBody,
		"a line without a colon":     patchLine + good + "Content-Length\r\n\r\n" + patchBody,
		"a line without a name":      patchLine + good + ": x\r\n\r\n" + patchBody,
		"folded by a blank":          patchLine + good + "X-Folded: a\r\n b\r\n\r\n" + patchBody,
		"folded by a tab":            patchLine + good + "X-Folded: a\r\n\tb\r\n\r\n" + patchBody,
		"folded like a header":       patchLine + good + "X-Folded: a\r\n b: c\r\n\r\n" + patchBody,
		"folded from the start":      patchLine + " X-Folded: x\r\n" + good + "\r\n" + patchBody,
		"folded length":              patchLine + strings.Replace(good, "Length:", "Length:\r\n", 1) + "\r\n" + patchBody,
		"line feed in the headers":   patchLine + good + "X-Bare: a\nX-Line: b\r\n\r\n" + patchBody,
		"line feed at the end":       patchLine + strings.TrimSuffix(good, "\r\n") + "\n\n" + patchBody,
		"line feed for the last one": patchLine + good + "\n" + patchBody,
		"line feeds only":            strings.ReplaceAll(patchLine+good+"\r\n", "\r\n", "\n") + patchBody,
		"carriage return in a value": patchLine + good + "X-Bare: a\rb\r\n\r\n" + patchBody,
		"null in a value":            patchLine + good + "X-Null: a\x00b\r\n\r\n" + patchBody,
		"no host":                    patchLine + strings.TrimPrefix(good, "Host: x\r\n") + "\r\n" + patchBody,
		"empty host":                 patchLine + strings.Replace(good, "Host: x", "Host:", 1) + "\r\n" + patchBody,
		"two hosts":                  patchLine + good + "Host: y\r\n\r\n" + patchBody,
		"the same host twice":        patchLine + good + "Host: x\r\n\r\n" + patchBody,
		"no version":                 "PATCH " + profilePath + "\r\n" + good + "\r\n" + patchBody,
		"two blanks":                 strings.Replace(patchLine, " ", "  ", 1) + good + "\r\n" + patchBody,
	}
}

func TestTHTTP_whatTwoReadersCouldReadDifferentlyIsRefusedWithAllThatFollows(t *testing.T) {
	t.Parallel()
	w := start(t)
	with := bearer(w.signedUp("ada@example.com").Tokens().Access)
	good := "Host: x\r\nContent-Type: application/json\r\n" + with + "\r\n"
	for _, table := range []map[string]string{lengths(good), doubtful(good)} {
		for name, text := range table {
			answers := w.raw(text + smuggled)
			if len(answers) > 1 {
				t.Errorf("%s: what followed was served", name)
			}
			for _, a := range answers {
				if a.Status != 400 || a.text("errors.code") != "invalid" || a.text("errors.param") != "" {
					t.Errorf("%s: %d %s", name, a.Status, a.Body)
				}
			}
		}
	}
	if d := w.call("GET", profilePath, "", with).wants(200).text("display"); d != "ada" {
		t.Errorf("one of them was served: %q", d)
	}
	w.one(block("NONSENSE", profilePath, "0\r\n\r\n"+smuggled, "Content-Length: 5", "Transfer-Encoding: chunked")).wants(405)
	// The test would see what is served:
	if n := len(w.raw(smuggled + smuggled + smuggled)); n != 3 {
		t.Errorf("%d answers to three requests in a row", n)
	}
	w.one(patchLine + good + "Transfer-Encoding: chunked\r\n\r\n" + chunked(patchBody)).wants(200)
	w.one(patchLine + good + sized(patchBody) + "\r\n\r\n" + patchBody).wants(200)
}

func TestSEC83_aHeaderThatDecidesStandsOnce(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	e := w.signIn("ada@example.com")
	body := `{"refresh":"` + e.refresh + `"}`
	good := map[string]string{
		"Authorization": "Bearer " + e.access, "X-Session-Token": e.session,
		"Idempotency-Key": "a-good-key", "Content-Type": "application/json",
	}
	for name, value := range good {
		for _, twice := range [][]string{
			{name + ": " + value, name + ": " + value},
			{strings.ToLower(name) + ": " + value, strings.ToUpper(name) + ": x"},
			{name + ": x", "Accept: */*", name + ": " + value},
			{name + ":", name + ": " + value},
			{name + ": " + value, name + ":"},
		} {
			lines := append(twice, sized(body))
			if name != "Content-Type" {
				lines = append(lines, "Content-Type: application/json")
			}
			w.one(block("POST", refreshPath, body, lines...)).wants(400, "invalid@"+name)
		}
	}
	trailer := fmt.Sprintf("%x\r\n%s\r\n0\r\n", len(body), body)
	for _, name := range []string{"X-Session-Token", "Idempotency-Key"} {
		a := w.one(block("POST", refreshPath, trailer+name+": "+good[name]+"\r\n\r\n", "Content-Type: application/json", "Transfer-Encoding: chunked"))
		a.wants(400, "invalid@"+name)
	}
	w.one(block("POST", refreshPath, body, "Content-Type: application/json", sized(body), "Accept: a", "Accept: b")).wants(200)
}

func TestSEC83_theHeaderBlockHasALimit(t *testing.T) {
	t.Parallel()
	w := start(t)
	const limit = 8 << 10
	empty := len(block("GET", configPath, "", "X-Filler: "))
	fill := func(size int) string {
		return block("GET", configPath, "", "X-Filler: "+strings.Repeat("x", size-empty))
	}
	w.one(fill(limit)).wants(200)
	for _, size := range []int{limit + 1, 2 * limit, 8 * limit} {
		a := w.one(fill(size)).wants(431, "headers_too_large")
		if a.Header.Get("X-Request-Id") == "" {
			t.Errorf("%d bytes: no id", size)
		}
	}
	many := strings.Split(strings.TrimSuffix(strings.Repeat("a: b\n", limit/5), "\n"), "\n")
	w.one(block("GET", configPath, "", many...)).wants(431, "headers_too_large")
	w.one("GET "+configPath+"?"+strings.Repeat("x", limit)+" HTTP/1.1\r\nHost: x\r\n\r\n").wants(431, "headers_too_large")
}

func TestTJWT43_theFormsOfTheAuthorizationHeader(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	e := w.signIn("ada@example.com")
	for _, value := range []string{"Bearer " + e.access, "bearer " + e.access, "BEARER " + e.access, "bEaReR " + e.access, "Bearer  " + e.access} {
		w.call("GET", profilePath, "", "Authorization: "+value).wants(200)
	}
	for _, value := range []string{
		"", "Bearer", "Bearer ", e.access, "Bearer" + e.access, "Bearer\t" + e.access, "Bearer \t" + e.access, "Bearer:" + e.access,
		"Bearer," + e.access, "Bearer " + e.access + ",", "Bearer " + e.access + "," + e.access, "Bearer " + e.access + ", Bearer " + e.access,
		"Bearer " + e.access + " " + e.access, "Bearer x " + e.access, "Bearer " + e.access + " x", "Bearer Bearer " + e.access,
		`Bearer "` + e.access + `"`, "Bearer token=" + e.access, "Basic " + e.access, "Token " + e.access, "DPoP " + e.access,
		"Bearer " + strings.ToLower(e.access), "Bearer " + strings.Repeat("x", 4097), "\u00a0Bearer " + e.access, "Bearer\u00a0" + e.access,
	} {
		a := w.call("GET", profilePath, "", "Authorization: "+value).wants(401)
		if !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "Bearer") {
			t.Errorf("%.20q: WWW-Authenticate: %q", value, a.Header.Get("WWW-Authenticate"))
		}
	}
}

// paths of the spec, and what they do.
func (c *contract) paths() map[string]*openapi3.PathItem { return c.doc.Paths.Map() }

func TestSEC90_aHeadIsAGetWithoutItsBody(t *testing.T) {
	t.Parallel()
	w := start(t)
	with := bearer(w.signedUp("ada@example.com").Tokens().Access)
	for path, item := range spec.paths() {
		if item.Get == nil {
			w.one(block("HEAD", path, "", with)).wants(405)
			continue
		}
		for _, header := range []string{with, bearer("x"), "X-Session-Token: x", "Accept: */*"} {
			get, head := w.call("GET", path, "", header), w.one(block("HEAD", path, "", header))
			if head.Status != get.Status || head.Header.Get("Content-Type") != get.Header.Get("Content-Type") {
				t.Errorf("%s with %.24s: GET %d, HEAD %d", path, header, get.Status, head.Status)
			}
		}
	}
}

func TestSEC90_everyOtherMethodIsRefusedWithTheListOfThoseThatAreNot(t *testing.T) {
	t.Parallel()
	w := start(t)
	with := bearer(w.signedUp("ada@example.com").Tokens().Access)
	verbs := []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "NONSENSE", "get", "Post", "GET1"}
	for path, item := range spec.paths() {
		allowed := slices.Sorted(maps.Keys(item.Operations()))
		for _, verb := range verbs {
			if slices.Contains(allowed, verb) {
				continue
			}
			a := w.one(block(verb, path, "", with, "Origin: https://example.com", "Access-Control-Request-Method: POST")).wants(405, "method_not_allowed")
			if got := a.Header.Get("Allow"); got != strings.Join(allowed, ", ") {
				t.Errorf("%s %s: Allow: %q, want %q", verb, path, got, allowed)
			}
		}
	}
	w.one("CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n").wants(404, "not_found")
	w.one("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n").wants(404, "not_found")
}

func TestSEC90_pathsAreTakenAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	w := start(t)
	with := bearer(w.signedUp("ada@example.com").Tokens().Access)
	other := []string{"/", "/nothing", "/_allauth/app/v1/", "/_allauth/app/v2/config", "/_allauth/browser/v1/config", "/debug/pprof/", "/metrics", "/favicon.ico"}
	for path := range spec.paths() {
		other = append(other, strings.ToUpper(path), path+"//", "/"+path, "/x/.."+path, "/."+path, path+"%20", path+"%00", path+";x=1", path+".json")
		if slashless, ok := strings.CutSuffix(path, "/"); ok {
			other = append(other, slashless)
		} else {
			other = append(other, path+"/")
		}
		last := strings.LastIndexByte(strings.TrimSuffix(path, "/"), '/') + 1
		other = append(other, path[:last]+fmt.Sprintf("%%%02X", path[last])+path[last+1:]) // the same, escaped
	}
	for _, path := range other {
		w.one(block("GET", path, "", with)).wants(404, "not_found")
		w.one(block("POST", path, "{}", with, "Content-Type: application/json", sized("{}"))).wants(404, "not_found")
	}
	w.call("GET", profilePath+"?display=x&token=y", "", with).wants(200)
	w.call("GET", profilePath+"?access_token="+strings.TrimPrefix(with, "Authorization: Bearer "), "").wants(401) // SEC-30
}

// fixed are the headers of every answer (SEC-88).
var fixed = map[string]string{
	"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
	"Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", "Cross-Origin-Resource-Policy": "same-origin",
	"Content-Type": "application/json",
}

func TestSEC88_everyAnswerCarriesTheHeadersAndNothingAboutUs(t *testing.T) {
	t.Parallel()
	w := start(t, `ACCOUNT_RATE_LIMITS={"signup":"1/m/ip"}`)
	with := bearer(w.signedUp("ada@example.com").Tokens().Access)
	origin := "Origin: https://example.com"
	texts := []string{
		block("POST", signupPath, "", origin), // 429
		block("POST", loginPath, "{}", origin, "Content-Type: text/plain", sized("{}")),
		block("POST", loginPath, "{}", origin, "Content-Type: application/json", sized("{}")),
		block("POST", loginPath, "", "Content-Length: 65537"),
		block("GET", sessionPath, "", "X-Session-Token: x", origin), // 410
		block("GET", sessionPath, "", bearer("x"), origin),          // 401
		block("GET", "/nothing", "", origin), block("NONSENSE", configPath, "", origin), block("OPTIONS", configPath, "", origin),
		block("GET", configPath, "", "X-Filler: "+strings.Repeat("x", 8<<10)), // 431
		"GET " + configPath + " HTTP/1.1\r\n\r\n",                             // 400, before any middleware
	}
	for path, item := range spec.paths() {
		for method := range item.Operations() {
			texts = append(texts, block(method, path, "", origin), block(method, path, "", with, origin))
		}
	}
	statuses := map[int]bool{}
	for _, text := range texts {
		a := w.one(text)
		statuses[a.Status] = true
		for name, want := range fixed {
			if got := a.Header.Get(name); got != want && (name != "Cache-Control" || got != "public, max-age=300" || !strings.Contains(text, jwksPath)) {
				t.Errorf("%.60q %d: %s: %q, want %q", text, a.Status, name, got, want)
			}
		}
		for name := range a.Header {
			if slices.Contains([]string{"Server", "X-Powered-By", "Via", "Set-Cookie"}, name) || strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%.60q: %s", text, name)
			}
		}
		if (a.Header.Get("WWW-Authenticate") != "") != (a.Status == 401) {
			t.Errorf("%.60q %d: WWW-Authenticate: %q", text, a.Status, a.Header.Get("WWW-Authenticate"))
		}
	}
	if got := slices.Sorted(maps.Keys(statuses)); !slices.Equal(got, []int{200, 400, 401, 404, 405, 409, 410, 413, 415, 429, 431}) {
		t.Errorf("statuses seen: %v", got)
	}
}
