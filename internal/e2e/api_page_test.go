package e2e

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// viewerSum is the SHA-256 of Redoc as internal/server/apipage/build.sh makes it.
const viewerSum = "e3d4361ba4ecdba1fad6ff3c627ef1e2563d78c02fbadb8e38572accac6a2acc"

// fetch reads a file of the API page as a browser does, or without compression.
func (w *world) fetch(path string, compressed bool) (http.Header, []byte) {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.url+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set("Accept-Encoding", "identity")
	if compressed {
		request.Header.Set("Accept-Encoding", "gzip, deflate, br")
	}

	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		w.t.Fatalf("GET %s: %d", path, response.StatusCode)
	}

	return response.Header, text
}

var loaded = regexp.MustCompile(`(?:src|href)="([^"]*)"`)

// The page and all that it loads come from this server, and its policy allows nothing else.
func TestAPIPage_asksNoOtherServer(t *testing.T) {
	t.Parallel()
	w := start(t)
	header, page := w.fetch("/docs", false)
	if kind := header.Get("Content-Type"); kind != "text/html; charset=utf-8" {
		t.Errorf("the page is %s", kind)
	}
	policy := header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self';", "connect-src 'self';", "base-uri 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("no %s in %q", want, policy)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") || strings.Contains(policy, "*") {
		t.Errorf("the policy allows too much: %q", policy)
	}

	page = bytes.Replace(page, []byte(`href="data:,"`), nil, 1) // no icon, so that a browser asks for none
	files := loaded.FindAllSubmatch(page, -1)
	if len(files) != 4 {
		t.Fatalf("the page loads %d files, want 4: %s", len(files), page)
	}
	for _, file := range files {
		path := string(file[1])
		if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") {
			t.Errorf("%s is on another server", path)
		}
		header, _ := w.fetch(path, false)
		if header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: the kind may be guessed", path)
		}
	}
	if bytes.Contains(page, []byte("onload=")) || bytes.Contains(page, []byte(" style=")) {
		t.Error("something on the page is inline")
	}
}

// The viewer is the one that was looked at, whichever way it is sent.
func TestAPIPage_theViewerIsThePinnedOne(t *testing.T) {
	t.Parallel()
	w := start(t)
	header, plain := w.fetch("/docs/redoc.js", false)
	if header.Get("Content-Encoding") != "" || !strings.Contains(header.Get("Vary"), "Accept-Encoding") {
		t.Errorf("uncompressed: %v", header)
	}
	sum := sha256.Sum256(plain)
	if got := hex.EncodeToString(sum[:]); got != viewerSum {
		t.Errorf("the viewer is %s, want %s: look at the page, and change the sum", got, viewerSum)
	}

	header, packed := w.fetch("/docs/redoc.js", true)
	if header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("compressed: %v", header)
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(unpacked)
	if err != nil || !bytes.Equal(text, plain) {
		t.Errorf("it unpacks to something else: %v", err)
	}
	if bytes.Contains(plain, []byte("cdn.redoc.ly")) {
		t.Error("it loads a picture from another server")
	}
}

func TestAPIPage_canBeSwitchedOff(t *testing.T) {
	t.Parallel()
	w := start(t, "LATCHKEY_API_PAGE=false")
	for _, path := range []string{"/docs", "/docs/redoc.js", "/docs/page.js", "/docs/samples.json"} {
		w.call("GET", path, "").wants(404, "not_found")
	}
	w.call("GET", "/openapi.json", "").wants(200)
}
