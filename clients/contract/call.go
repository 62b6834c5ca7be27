package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// call is one request of the suite.
type call struct {
	op      operation
	why     string // what it tries, for messages: "with a body that is no JSON"
	method  string // another one than the operation's
	path    string // another one than the operation's
	media   string // of the body; application/json by default
	body    []byte
	headers map[string]string
	large   bool  // the body is larger than any operation takes
	want    []int // the statuses that are right; none: any that is documented
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
	object map[string]any // the body, where it is an object
}

func (a answer) text(section, name string) string {
	part, _ := a.object[section].(map[string]any)
	s, _ := part[name].(string)
	return s
}

// How often a call is repeated that is answered with 429 or 503, and how long we wait for
// it at most.
const (
	maxRepeats = 3
	maxWait    = 70 * time.Second
)

// send plays a call, waits and repeats it where the server asks for that, and holds every
// answer against the document. An error means that no answer came.
func (s *suite) send(ctx context.Context, c call) (answer, error) {
	for n := 0; ; n++ {
		a, request, err := s.once(ctx, c)
		if err != nil {
			return answer{}, fmt.Errorf("%s %s: %w", c.op.id, c.why, err)
		}
		busy := a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable
		repeat := busy && c.op.documents(a.status) && !slices.Contains(c.want, a.status)
		s.check(c, request, a, repeat)
		if !repeat {
			return a, nil
		}
		if n == maxRepeats {
			s.report.notPlayed(c.op.id, fmt.Sprintf("%s: the server went on answering %d", c.why, a.status))
			return a, nil
		}
		if err := s.wait(ctx, a.retryAfter()); err != nil {
			return answer{}, err
		}
	}
}

func (a answer) retryAfter() time.Duration {
	n, err := strconv.Atoi(a.header.Get("Retry-After"))
	if err != nil || n < 1 {
		n = 1
	}
	return min(time.Duration(n)*time.Second, maxWait)
}

// wait is a pause that the server asked for.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *suite) once(ctx context.Context, c call) (answer, *http.Request, error) {
	if c.large {
		return s.tooLarge(ctx, c)
	}
	path, _ := c.op.address()
	if c.path != "" {
		path = c.path
	}
	method := c.op.method
	if c.method != "" {
		method = c.method
	}
	r, err := http.NewRequestWithContext(ctx, method, s.settings.baseURL+path, bytes.NewReader(c.body))
	if err != nil {
		return answer{}, nil, err
	}
	if c.body != nil {
		r.Header.Set("Content-Type", "application/json")
		if c.media != "" {
			r.Header.Set("Content-Type", c.media)
		}
	}
	for name, value := range c.headers {
		r.Header.Set(name, value)
	}
	got, err := s.client.Do(r)
	if err != nil {
		return answer{}, nil, err
	}
	a, err := readAnswer(got)
	return a, r, err
}

func readAnswer(got *http.Response) (answer, error) {
	defer func() { _ = got.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(got.Body, maxDocument))
	a := answer{status: got.StatusCode, header: got.Header, body: body}
	_ = json.Unmarshal(body, &a.object) // check says what is wrong with it
	return a, err
}
