package server

import (
	"errors"
	"net/netip"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/secret"
	"github.com/latchkey-auth/latchkey/internal/session"
	"github.com/latchkey-auth/latchkey/internal/token"
)

// identify resolves the session that a request came with. A non-empty session token
// wins, and a dead one is 410 whatever the operation; a bad Bearer only makes the
// caller anonymous. An error other than that means that we could not find out.
func (s *Server) identify(c *fiber.Ctx, who *caller.Caller) error {
	if t := c.Get("X-Session-Token"); t != "" {
		return s.bySessionToken(c, who, t)
	}
	if t, sent := s.bearer(c.Get(fiber.HeaderAuthorization)); sent {
		return s.byAccessToken(c, who, t)
	}
	return nil
}

func (s *Server) bySessionToken(c *fiber.Ctx, who *caller.Caller, t string) error {
	d, err := s.DB.FindSessionByToken(c.UserContext(), secret.Hash(t))
	if postgres.IsNotFound(err) {
		return s.byPendingToken(c, who, t)
	}
	if err != nil {
		return err
	}
	if dead := session.Alive(&d, s.DB.Now()); dead != nil {
		return s.Flow.Gone(dead)
	}
	who.Session = &d
	return nil
}

// byPendingToken finds the session of a visitor who is on the way in.
func (s *Server) byPendingToken(c *fiber.Ctx, who *caller.Caller, t string) error {
	now := s.DB.Now()
	p, err := s.DB.FindPendingSessionByToken(c.UserContext(), db.FindPendingSessionByTokenParams{TokenHash: secret.Hash(t), Now: now})
	if postgres.IsNotFound(err) {
		return s.Flow.Gone(nil)
	}
	if err != nil {
		return err
	}
	if p.EndedAt != nil || !now.Before(p.ExpiresAt) {
		return s.Flow.Gone(nil)
	}
	who.Pending = &caller.Pending{ID: p.ID, Attempt: p.Attempt, Resetting: p.Resetting}
	return nil
}

// byAccessToken checks the token, then loads its session: an access token is as good
// as its session is at this moment (SEC-11), whatever its generation.
func (s *Server) byAccessToken(c *fiber.Ctx, who *caller.Caller, t string) error {
	who.Bearer = true // until it has proved to be good
	now := s.DB.Now()
	claims, err := s.Verifier.Access(t, now)
	if errors.Is(err, token.ErrInvalid) {
		return nil // contract: a bad Bearer is no credential, not an error
	}
	if err != nil {
		return err
	}
	d, err := s.DB.FindSession(c.UserContext(), claims.SessionID)
	if postgres.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if d.UserID != claims.Subject {
		return nil
	}
	if dead := session.Alive(&d, now); dead != nil {
		who.Ended = dead
		return nil //nolint:nilerr // contract: the caller is anonymous, and learns why
	}
	who.Session, who.Bearer = &d, false
	if err := session.Confirm(c.UserContext(), s.DB.Queries, &d, claims.Generation, now); err != nil {
		s.Log.Warn("confirming a generation failed; a replay will be kinder", "error", err.Error())
	}
	return nil
}

// device is where the request came from.
func (s *Server) device(c *fiber.Ctx) session.Device {
	return session.Device{
		UserAgent: c.Get(fiber.HeaderUserAgent), Name: c.Get("X-Device-Name"),
		Address: s.address(c), Language: c.Get(fiber.HeaderAcceptLanguage),
	}
}

// address is the client's, as far as our proxies say.
func (s *Server) address(c *fiber.Ctx) netip.Addr {
	peer, forwarded := c.Context().RemoteAddr(), c.Request().Header.PeekAll(fiber.HeaderXForwardedFor)
	if len(forwarded) > 0 {
		s.warnOfProxy(peerOf(peer))
	}

	return s.proxies.client(peer, forwarded)
}

// warnOfProxy logs once that a peer sends X-Forwarded-For and is not trusted. It may be a proxy
// that the settings do not name: then all its clients share one set of limits.
func (s *Server) warnOfProxy(peer netip.Addr) {
	if !peer.IsValid() || s.proxies.trusts(peer) {
		return
	}

	s.proxyWarning.Do(func() {
		s.Log.Warn("X-Forwarded-For is ignored: it comes from a peer that is not in LATCHKEY_TRUSTED_PROXIES. "+
			"If that is a proxy of yours, all its clients share one rate limit and one connection limit", "peer", peer.String())
	})
}

// bearer takes the token out of an Authorization header, and reports whether one of
// our scheme was sent.
func (s *Server) bearer(header string) (string, bool) {
	words := strings.FieldsFunc(header, func(r rune) bool { return r == ' ' })
	if len(words) == 0 || !strings.EqualFold(words[0], s.Scheme) {
		return "", false
	}
	if len(words) != 2 {
		return "", true
	}
	return words[1], true
}
