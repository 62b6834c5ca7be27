package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// How long a server has to refuse a body that it has only been told the size of, before the
// body is sent after all, and to answer at all.
const (
	earlyRefusal = 500 * time.Millisecond
	largeTimeout = 20 * time.Second
)

// tooLarge sends a body of one byte more than any operation takes. A server may refuse it by
// its Content-Length and close, which net/http reports as a broken connection when it is
// quicker than the body is sent: hence the bare connection.
func (s *suite) tooLarge(ctx context.Context, c call) (answer, *http.Request, error) {
	path, _ := c.op.address()
	r, err := http.NewRequestWithContext(ctx, c.op.method, s.settings.baseURL+path, nil)
	if err != nil {
		return answer{}, nil, err
	}
	conn, err := dial(ctx, r.URL)
	if err != nil {
		return answer{}, nil, err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(largeTimeout)); err != nil {
		return answer{}, nil, err
	}
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n",
		c.op.method, r.URL.RequestURI(), r.URL.Host, maxBody)
	for name, value := range c.headers {
		head += name + ": " + value + "\r\n"
	}
	if _, err := io.WriteString(conn, head+"\r\n"); err != nil {
		return answer{}, nil, err
	}
	in := bufio.NewReader(conn)
	if err := conn.SetReadDeadline(time.Now().Add(earlyRefusal)); err != nil {
		return answer{}, nil, err
	}
	if _, err := in.Peek(1); err != nil { // it wants to see the body
		_, _ = io.WriteString(conn, `{"pad":"`+strings.Repeat("x", maxBody-10)+`"}`)
	}
	if err := conn.SetReadDeadline(time.Now().Add(largeTimeout)); err != nil {
		return answer{}, nil, err
	}
	got, err := http.ReadResponse(in, r)
	if err != nil {
		return answer{}, nil, err
	}
	a, err := readAnswer(got)
	return a, r, err
}

func dial(ctx context.Context, to *url.URL) (net.Conn, error) {
	host := to.Host
	if to.Port() == "" {
		host = net.JoinHostPort(to.Hostname(), to.Scheme) // "http" and "https" are port names
	}
	if to.Scheme == "https" {
		return (&tls.Dialer{}).DialContext(ctx, "tcp", host)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", host)
}
