package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/latchkey-auth/latchkey/clients/contract/totp"
)

// suite is one run against one server.
type suite struct {
	settings settings
	doc      *openapi3.T
	ops      []operation
	client   *http.Client
	wait     func(context.Context, time.Duration) error
	report   *report
	person   *person
	played   map[string]bool // operations that a step of the walk has called
}

// person is a throw-away account, and what this run holds of it.
type person struct {
	email, password          string
	access, refresh, session string
	key                      string // Idempotency-Key that will spend refresh
	second                   string // an access token of the same person's second sign-in
	added                    string // an address that was added
	sessionID                any    // of the second sign-in, as listSessions gives it

	app    *totp.App     // the person's authenticator app; nil: they could not set one up
	ahead  time.Duration // of the server's clock before ours
	active bool          // app is their second factor
	typed  string        // the code that made it that
	codes  []string      // recovery codes that are left
	spent  string        // a recovery code that was used
	half   string        // session token of a sign-in that is under way

	provider string         // a service whose tokens are taken
	nonce    string         // for the next token of it
	token    map[string]any // its token, as submitProviderToken takes it
	event    string         // a notification that Apple has signed
	uid      any            // of the account there, as listProviderAccounts gives it
	guests   []string       // access tokens of people who came by it
}

func newSuite(s settings, doc *openapi3.T) *suite {
	client := &http.Client{Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // a redirect is an answer, too
	}}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	ops := operations(doc)
	return &suite{
		settings: s, doc: doc, ops: ops, client: client, wait: wait, report: newReport(ops), played: map[string]bool{},
		person: &person{email: address(), password: "a long enough " + random(8)},
	}
}

func random(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// address is one that reaches nobody (RFC 2606).
func address() string { return "contract+" + random(6) + "@example.com" }

// play runs the whole suite. An error means that the server could not be asked; what it
// answers wrongly stands in the report.
func (s *suite) play(ctx context.Context) (*report, error) {
	if err := s.walk(ctx, first); err != nil { // somebody to be
		return nil, err
	}
	if err := s.probeAll(ctx); err != nil {
		return nil, err
	}
	for _, steps := range [][]step{middle, factors, passkeys, providers, mailed, s.others(), last} {
		if err := s.walk(ctx, steps); err != nil {
			return nil, err
		}
	}
	s.report.finish(s.succeeded, knows)
	return s.report, nil
}

// find returns the operation of that id; a document without it is an older one.
func (s *suite) find(id string) (operation, bool) {
	n := slices.IndexFunc(s.ops, func(o operation) bool { return o.id == id })
	if n < 0 {
		return operation{}, false
	}
	return s.ops[n], true
}

// succeeded reports whether an operation has done what it is for at least once. The walk
// says where another status than 2xx is the one that means it.
func (s *suite) succeeded(id string) bool {
	for status := range s.report.seen[id] {
		if status >= 200 && status < 300 || slices.Contains(successes[id], status) {
			return true
		}
	}
	return false
}

// signedIn are the headers of the suite's person.
func (s *suite) signedIn() map[string]string {
	if s.person.access == "" {
		return nil
	}
	return map[string]string{"Authorization": "Bearer " + s.person.access}
}

// example is the body that the document shows, addressed to nobody.
func (s *suite) example(op operation) map[string]any {
	_, body := op.body()
	for name, value := range body {
		switch text, _ := value.(string); {
		case name == "email" || name == "email2":
			body[name] = s.person.email
		case name == "phone":
			body[name] = "+12025550123" // set aside for fiction
		case text != "" && name == "password":
			body[name] = "never the right one " + random(4)
		}
	}
	return body
}

func (s *suite) note(id, format string, args ...any) {
	s.report.notPlayed(id, fmt.Sprintf(format, args...))
}
