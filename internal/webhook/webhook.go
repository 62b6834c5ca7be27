// Package webhook owns how this server calls an address of the operator: signed with the time, without
// redirects, and within bounds. It does not own what is sent (internal/outbox, internal/passwordhook).
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/latchkey-auth/latchkey/internal/loopback"
)

// SignatureHeader carries t=SECONDS,v1=HEX: the HMAC-SHA256 of "SECONDS.BODY".
const SignatureHeader = "Latchkey-Signature"

// shortestSecret is how many characters a secret has at least.
const shortestSecret = 32

// maxConnections is how many calls of one address run at the same time. More of them wait, each as long as its
// own time allows.
const maxConnections = 32

// Errors of Post.
var (
	// ErrNoConnection is a call that got no answer, or none in time.
	ErrNoConnection = errors.New("no answer")
	// ErrTooLong is an answer with more bytes than were allowed.
	ErrTooLong = errors.New("the answer is too long")
)

// Hook is an address that gets signed requests.
type Hook struct {
	url    string
	secret []byte
	client *http.Client
}

// New returns the hook at an address. timeout bounds each call as a whole.
func New(address, secret string, timeout time.Duration) *Hook {
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: timeout,
		MaxConnsPerHost: maxConnections, MaxIdleConnsPerHost: maxConnections, IdleConnTimeout: time.Minute,
	}

	return &Hook{url: address, secret: []byte(secret), client: &http.Client{
		Transport: transport, Timeout: timeout,
		// What is sent is for that address alone.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Check returns what is wrong with the address and the secret of a hook. The names are those of the settings.
func Check(addressName, address, secretName, secret string) []error {
	var wrong []error

	u, err := url.Parse(address)
	isAddress := err == nil && u.Hostname() != ""
	isGood := isAddress && (u.Scheme == "https" || u.Scheme == "http" && loopback.Is(u.Hostname()))
	if !isGood {
		wrong = append(wrong, fmt.Errorf("%s: want an https address", addressName))
	}
	if len(secret) < shortestSecret {
		wrong = append(wrong, fmt.Errorf("%s: want at least %d characters", secretName, shortestSecret))
	}

	return wrong
}

// Request is what is posted.
type Request struct {
	Body []byte
	// At is the time that is signed.
	At time.Time
	// Key is sent as Idempotency-Key; empty for none.
	Key string
	// MaxAnswer is how many bytes of the answer are read.
	MaxAnswer int64
}

// Answer is what the other side says.
type Answer struct {
	Status int
	Body   []byte
}

// Post sends a JSON body. It returns ErrNoConnection or ErrTooLong.
//
// Security: no error has the text of the library, which shows the address and what is secret in it
// (TestWebhook_goesNowhereElse).
func (h *Hook) Post(ctx context.Context, request Request) (Answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(request.Body))
	if err != nil {
		return Answer{}, ErrNoConnection
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(SignatureHeader, h.sign(strconv.FormatInt(request.At.Unix(), 10), request.Body))
	if request.Key != "" {
		r.Header.Set("Idempotency-Key", request.Key)
	}

	answer, err := h.client.Do(r)
	if err != nil {
		return Answer{}, ErrNoConnection
	}
	defer func() { _ = answer.Body.Close() }()

	// It is read to its end, so that the connection can be used again.
	body, err := io.ReadAll(io.LimitReader(answer.Body, request.MaxAnswer+1))
	switch {
	case int64(len(body)) > request.MaxAnswer:
		return Answer{Status: answer.StatusCode}, ErrTooLong
	case err != nil:
		return Answer{Status: answer.StatusCode}, ErrNoConnection
	}

	return Answer{Status: answer.StatusCode, Body: body}, nil
}

// Close closes the connections that wait for the next call.
func (h *Hook) Close() { h.client.CloseIdleConnections() }

func (h *Hook) sign(seconds string, body []byte) string {
	mac := hmac.New(sha256.New, h.secret)
	_, _ = mac.Write([]byte(seconds + "."))
	_, _ = mac.Write(body)

	return "t=" + seconds + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}
