package programs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// mavenCentral is where archives come from unless a mirror is named.
const mavenCentral = "https://repo1.maven.org/maven2"

// Limits of a fetch. There is none for the whole: a slow line is no fault.
const (
	fetchTries   = 3
	stallTimeout = 30 * time.Second // without a single byte
)

// retryWait is how long the next try of a fetch waits.
var retryWait = time.Second

// repository returns the address of the Maven repository.
func (s Settings) repository() (*url.URL, error) {
	text := s.Mirror
	if text == "" {
		text = mavenCentral
	}

	address, err := url.Parse(strings.TrimSuffix(text, "/"))
	if err != nil { // its text may show a password
		return nil, errors.New("LATCHKEY_POSTGRES_MIRROR: not an address")
	}

	switch address.Scheme {
	case "http", "https", "file":
		return address, nil
	}

	return nil, errors.New("LATCHKEY_POSTGRES_MIRROR: want an address that begins with https://, http:// or file://")
}

// fetch stores an archive in path, after it has checked its sum. It repeats what the network
// cuts off, and nothing else.
func fetch(ctx context.Context, s Settings, wanted archive, path string, report *report) error {
	repository, err := s.repository()
	if err != nil {
		return err
	}

	report.begin()

	for try := 1; ; try++ {
		err := fetchOnce(ctx, repository.JoinPath(wanted.path()), wanted, path, report)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			return nil
		}

		var cut *cutError
		if try == fetchTries || !errors.As(err, &cut) {
			return fmt.Errorf("fetch PostgreSQL %s: %w\n%s", wanted.version, err, hint)
		}

		report.again(err)

		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(retryWait):
		}
	}
}

const hint = "Install PostgreSQL (Debian: apt-get install postgresql), name a mirror (LATCHKEY_POSTGRES_MIRROR), or set DATABASE_URL or PG_BIN."

// cutError is a fault of the network, which another try may not meet.
type cutError struct{ err error }

func (e *cutError) Error() string { return e.err.Error() }

func (e *cutError) Unwrap() error { return e.err }

// client follows no request for longer than it takes to connect and to get an answer; the body
// has the stall limit. It knows file addresses too.
func client() *http.Client {
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: stallTimeout,
		ForceAttemptHTTP2:     true,
	}
	transport.RegisterProtocol("file", http.NewFileTransport(http.Dir("/"))) //nolint:gosec // the operator names the file

	return &http.Client{Transport: transport}
}

func fetchOnce(ctx context.Context, from *url.URL, wanted archive, path string, report *report) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	request, err := http.NewRequestWithContext(ctx, http.MethodGet, from.String(), nil)
	if err != nil {
		return err
	}

	c := client()
	defer c.CloseIdleConnections()

	response, err := c.Do(request)
	if err != nil {
		return &cutError{withoutAddress(err)}
	}
	defer func() { _ = response.Body.Close() }()

	if response.StatusCode != http.StatusOK {
		err := fmt.Errorf("%s answers %s", from.Redacted(), response.Status)
		if response.StatusCode >= http.StatusInternalServerError {
			return &cutError{err}
		}

		return err
	}

	stalled := time.AfterFunc(stallTimeout, func() {
		cancel(fmt.Errorf("%s sends nothing for %v", from.Redacted(), stallTimeout))
	})
	defer stalled.Stop()

	body := &watched{Reader: response.Body, each: func(n int) {
		stalled.Reset(stallTimeout)
		report.received(n)
	}}

	return store(ctx, body, from, wanted, path)
}

// store writes the body to path and compares its sum.
func store(ctx context.Context, body io.Reader, from *url.URL, wanted archive, path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()

	sum := sha256.New()

	// One byte more than the archive has is enough to know that it is another file.
	n, err := io.Copy(io.MultiWriter(file, sum), io.LimitReader(body, wanted.size+1))
	if err != nil {
		return &cutError{errors.Join(err, context.Cause(ctx))}
	}

	if n < wanted.size {
		return &cutError{fmt.Errorf("%s ends after %d of %d bytes", from.Redacted(), n, wanted.size)}
	}

	if got := hex.EncodeToString(sum.Sum(nil)); got != wanted.sum {
		return fmt.Errorf("%s is not the file that this version of Latchkey expects: its SHA-256 is %s, expected %s",
			from.Redacted(), got, wanted.sum)
	}

	return file.Close()
}

// withoutAddress drops the address from an error of net/http: it may contain a password.
func withoutAddress(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		return of.Err
	}

	return err
}

// watched calls each with the size of every read.
type watched struct {
	io.Reader
	each func(n int)
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	w.each(n)

	return n, err
}
