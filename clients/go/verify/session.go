package verify

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/latchkey-auth/latchkey/clients/go/internal/strictjson"
)

const (
	sessionPath = "/_allauth/app/v1/auth/session"
	maxKnown    = 4096 // answers that are remembered
)

var answerLimits = strictjson.Limits{Depth: 8, Members: 512, Text: 16 << 10, KeepNumbers: true}

type tokenHash [sha256.Size]byte

// verdict is what the server said of a token's session.
type verdict struct {
	err   error // nil or ErrInvalid
	until time.Time
}

// sessions asks the server whether the session of a token lives. Answers are remembered by
// the token, not by its session: a token that the server refuses for itself must not speak
// for its successor.
type sessions struct {
	url    string
	client *http.Client
	now    func() time.Time
	log    *slog.Logger
	age    time.Duration
	asking singleflight.Group

	mu    sync.Mutex // guards known
	known map[tokenHash]verdict
}

// check returns nil, ErrInvalid, ErrUnavailable or an error of ctx.
func (s *sessions) check(ctx context.Context, compact, subject string) error {
	hash := tokenHash(sha256.Sum256([]byte(compact)))
	if v, ok := s.recall(hash); ok {
		return v.err
	}
	asked := s.asking.DoChan(string(hash[:]), func() (any, error) {
		err := s.ask(compact, subject)
		if err == nil || err == ErrInvalid { //nolint:errorlint // ask returns it bare
			s.remember(hash, err)
		}
		return nil, err
	})
	select {
	case r := <-asked:
		return r.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *sessions) recall(hash tokenHash) (verdict, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.known[hash]
	return v, ok && s.now().Before(v.until)
}

// remember: an age below 0 makes an answer that is too old at once.
func (s *sessions) remember(hash tokenHash, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if len(s.known) >= maxKnown {
		for h, v := range s.known {
			if !now.Before(v.until) {
				delete(s.known, h)
			}
		}
		if len(s.known) >= maxKnown {
			clear(s.known)
		}
	}
	s.known[hash] = verdict{err: err, until: now.Add(s.age)}
}

// ask takes 200 and 401 for an answer only when Latchkey itself gave it: anything in
// between, a proxy's sign-in page or its own 401, says nothing about the session.
func (s *sessions) ask(compact, subject string) error {
	body, _, status, err := get(s.client, s.url, compact)
	if err != nil {
		s.log.Warn("asking Latchkey for the session failed", "error", err.Error())
		return ErrUnavailable
	}
	o, err := strictjson.Object(body, answerLimits)
	if err != nil || o["status"] != json.Number(strconv.Itoa(status)) {
		s.log.Warn("asking Latchkey for the session failed", "status", status)
		return ErrUnavailable
	}
	meta, _ := o["meta"].(map[string]any)
	data, _ := o["data"].(map[string]any)
	user, _ := data["user"].(map[string]any)
	switch {
	case status == http.StatusOK && meta["is_authenticated"] == true && isID(user["id"], subject):
		return nil
	case status == http.StatusUnauthorized && meta["is_authenticated"] == false:
		return ErrInvalid
	}
	s.log.Warn("asking Latchkey for the session failed", "status", status)
	return ErrUnavailable
}

// isID reports whether an id in JSON, a number or a string, is that of a subject.
func isID(id any, subject string) bool {
	return id == subject || id == json.Number(subject)
}
