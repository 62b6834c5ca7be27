package provider

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-auth/latchkey/internal/trace"
)

const (
	keysTimeout = 3 * time.Second // for one answer, body and all
	codeTimeout = 5 * time.Second // for Apple's token endpoints
	maxAnswer   = 64 << 10        // bytes that are read of an answer

	minAge = 5 * time.Minute // that keys are kept, whatever the answer says, and where it says nothing
	maxAge = 24 * time.Hour
)

// web is how we ask providers. Security: redirects are answers like any other, and not
// followed: the URLs are the operator's, and nobody else's to choose (SEC-73, TestSEC73_faultyProvider).
type web struct {
	client  *http.Client
	timeout time.Duration // for keys
}

func newWeb() *web {
	return &web{timeout: keysTimeout, client: &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment,
			// One answer in minutes or hours: a connection kept open would only go stale.
			DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: 32 << 10, ForceAttemptHTTP2: true,
			DialContext: (&net.Dialer{Timeout: keysTimeout}).DialContext, TLSHandshakeTimeout: keysTimeout,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// get reads a small document whole.
func (w *web) get(address string) ([]byte, http.Header, error) {
	// No caller's context: several wait for one answer, and none of them may end it.
	ctx, cancel := context.WithTimeout(context.Background(), w.timeout)
	defer cancel()

	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, errors.New("the URL cannot be asked")
	}

	r.Header.Set("Accept", "application/json")

	body, answer, err := w.do(r)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d", answer.StatusCode)
	}

	if err != nil {
		return nil, nil, err
	}

	return body, answer.Header, nil
}

// post sends a form, and returns what came back with which status.
func (w *web) post(ctx context.Context, address string, form url.Values) ([]byte, int, error) {
	ctx, cancel := context.WithTimeout(ctx, codeTimeout)
	defer cancel()

	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, 0, errors.New("the URL cannot be asked")
	}

	r.Header.Set("Accept", "application/json")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")

	body, answer, err := w.do(r)
	if err != nil {
		return nil, 0, err
	}

	return body, answer.StatusCode, nil
}

func (w *web) do(r *http.Request) ([]byte, *http.Response, error) {
	_, span := trace.StartCall(r.Context(), "provider call")
	defer span.End()

	answer, err := w.client.Do(r)
	if err != nil {
		span.Fail("no_connection")
		return nil, nil, err
	}

	if answer.StatusCode >= http.StatusInternalServerError {
		span.Fail(strconv.Itoa(answer.StatusCode))
	}

	defer func() { _ = answer.Body.Close() }()

	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = fmt.Errorf("the answer is larger than %d bytes", maxAnswer)
	}

	return body, answer, err
}

// ageOf is how long an answer may be kept: max-age less the time that it has stood in
// caches on the way (RFC 9111), within our bounds.
func ageOf(header http.Header) time.Duration {
	age := minAge
	for directive := range strings.SplitSeq(header.Get("Cache-Control"), ",") {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(directive)), "=")
		switch name {
		case "no-store", "no-cache":
			return minAge
		case "max-age":
			if n, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31); err == nil {
				age = time.Duration(n) * time.Second
			}
		}
	}

	if n, err := strconv.ParseUint(header.Get("Age"), 10, 31); err == nil {
		age -= time.Duration(n) * time.Second
	}

	return min(max(age, minAge), maxAge)
}

func isSecure(address string) bool { return strings.HasPrefix(strings.ToLower(address), "https:") }
