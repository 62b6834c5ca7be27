package server

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/flow"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/secret"
	"github.com/latchkey-auth/latchkey/internal/session"
	"github.com/latchkey-auth/latchkey/internal/token"
)

// identify resolves the session that a request came with. A non-empty session token
// wins, and one whose session does not live is 410 whatever the operation. A session token
// that works no more while its session lives counts as none, and so does a bad Bearer. An error
// other than 410 means that we could not find out.
func (s *Server) identify(c *fiber.Ctx, who *caller.Caller) error {
	if t := c.Get("X-Session-Token"); t != "" {
		if err := s.bySessionToken(c, who, t); err != nil || who.SignedIn() || who.Pending != nil || who.Resumes != nil {
			return err
		}
	}
	// Security: an access token must not become a refresh token, which lives on
	// (TestExchange_anAccessTokenBringsNothing).
	if s.operation(c).exchanges {
		return nil
	}
	if t, sent := s.bearer(c.Get(fiber.HeaderAuthorization)); sent {
		return s.byAccessToken(c, who, t)
	}
	return nil
}

func (s *Server) bySessionToken(c *fiber.Ctx, who *caller.Caller, t string) error {
	hash := secret.Hash(t)
	d, err := s.DB.FindSessionByToken(c.UserContext(), hash)
	if postgres.IsNotFound(err) {
		return s.byPendingToken(c, who, t)
	}
	if err != nil {
		return err
	}
	now := s.DB.Now()
	if dead := session.Alive(&d, now); dead != nil {
		return s.Flow.Gone(dead)
	}
	if s.operation(c).exchanges {
		who.Exchanges = &caller.Exchanges{SessionID: d.ID, TokenHash: hash}
	}
	if !s.Flow.Sessions.TokenWorks(&d, hash, now) {
		who.Named = append(who.Named, caller.Named{SessionID: d.ID, Subject: d.Subject})
		return s.byResumedToken(c, who, hash)
	}

	who.Session, who.BySessionToken = &d, true
	if err := s.Flow.Sessions.NoteTokenUse(c.UserContext(), s.DB.Queries, &d, hash, now); err != nil {
		s.Log.WarnContext(c.UserContext(), "noting the use of a session token failed; the next use tries again", "error", err.Error())
	}
	// The first session token and the first generation come in one answer.
	if session.Resumed(&d) {
		if err := session.Confirm(c.UserContext(), s.DB.Queries, &d, d.Generation, now); err != nil {
			s.Log.WarnContext(c.UserContext(), "confirming a generation failed; the next use tries again", "error", err.Error())
		}
	}
	return nil
}

// identifyToSignOut is identify for a sign-out, which ends what it can: a Bearer that has expired
// is good enough, and a session token whose session does not live only decides the answer.
func (s *Server) identifyToSignOut(c *fiber.Ctx, who *caller.Caller) error {
	err := s.identify(c, who)
	var gone *flow.Incomplete
	if err != nil && !errors.As(err, &gone) {
		return err
	}
	who.Gone = err

	t, sent := s.bearer(c.Get(fiber.HeaderAuthorization))
	decided := who.SignedIn() || who.Pending != nil || gone != nil
	if !sent || decided {
		return nil
	}
	claims, err := s.Verifier.Former(t, s.DB.Now(), s.Flow.Sessions.RefreshLifetime())
	if errors.Is(err, token.ErrInvalid) {
		return s.nameByOldToken(c, who, t)
	}
	who.Named = append(who.Named, caller.Named{SessionID: claims.SessionID, Subject: claims.Subject})

	return err
}

// nameByOldToken lets an access token of the system that the service moved in from end its session.
func (s *Server) nameByOldToken(c *fiber.Ctx, who *caller.Caller, t string) error {
	d, err := s.Flow.FormerOldSession(c.UserContext(), t)
	if errors.Is(err, token.ErrInvalid) {
		return nil
	}
	who.Named = append(who.Named, caller.Named{SessionID: d.ID, Subject: d.Subject})

	return err
}

// byPendingToken finds the session of a pending sign-in.
func (s *Server) byPendingToken(c *fiber.Ctx, who *caller.Caller, t string) error {
	now := s.DB.Now()
	hash := secret.Hash(t)
	p, err := s.DB.FindPendingSessionByToken(c.UserContext(), db.FindPendingSessionByTokenParams{TokenHash: hash, Now: now})
	if postgres.IsNotFound(err) {
		return s.Flow.Gone(nil)
	}
	if err != nil {
		return err
	}
	if p.EndedAt != nil || !now.Before(p.ExpiresAt) {
		return s.Flow.Gone(nil)
	}
	who.Pending = &caller.Pending{ID: p.ID, TokenHash: hash, Attempt: p.Attempt, Resetting: p.Resetting}
	return nil
}

// byResumedToken lets the token of a pending session that went on by itself ask for the tokens
// of the session that it became, and do nothing else.
func (s *Server) byResumedToken(c *fiber.Ctx, who *caller.Caller, hash []byte) error {
	if !s.operation(c).resumes {
		return nil
	}

	_, err := s.DB.FindResumption(c.UserContext(), db.FindResumptionParams{TokenHash: hash, Now: s.DB.Now()})
	if postgres.IsNotFound(err) {
		return nil
	}
	who.Resumes = hash
	return err
}

// byAccessToken checks the token, then loads its session: an access token is as good
// as its session is at this moment (SEC-11), whatever its generation.
func (s *Server) byAccessToken(c *fiber.Ctx, who *caller.Caller, t string) error {
	who.Bearer = true // until it has proved to be good
	now := s.DB.Now()
	d, generation, err := s.sessionOf(c, t, now.Add(-who.Held))
	if errors.Is(err, token.ErrInvalid) {
		noteReason(c, err)
		return nil // contract: a bad Bearer is no credential, not an error
	}
	if err != nil {
		return err
	}
	if dead := session.Alive(&d, now); dead != nil {
		who.Ended = dead
		noteReason(c, problem.Reason(dead.Code))
		return nil //nolint:nilerr // contract: the caller is anonymous, and learns why
	}
	who.Session, who.Bearer = &d, false
	if err := session.Confirm(c.UserContext(), s.DB.Queries, &d, generation, now); err != nil {
		s.Log.WarnContext(c.UserContext(), "confirming a generation failed; a replay will be kinder", "error", err.Error())
	}
	return nil
}

// sessionOf finds the session of an access token, good at the time now, of ours or, where the service moves in, of the system
// before, whatever has become of it. It returns token.ErrInvalid for what is neither.
func (s *Server) sessionOf(c *fiber.Ctx, t string, now time.Time) (d session.Details, generation int64, err error) {
	claims, err := s.Verifier.Access(t, now)
	if errors.Is(err, token.ErrInvalid) && s.Flow.Old != nil {
		d, err = s.Flow.OldSession(c.UserContext(), t, now, err)
		return d, session.FirstGeneration, err
	}
	if err != nil {
		return d, 0, err
	}

	d, err = s.DB.FindSession(c.UserContext(), claims.SessionID)
	if postgres.IsNotFound(err) || err == nil && d.Subject != claims.Subject {
		return d, 0, fmt.Errorf("%w: %w", token.ErrInvalid, errNoSession)
	}

	return d, claims.Generation, err
}

// errNoSession is the reason where a good token names no session.
const errNoSession = problem.Reason("session_unknown")

// reasonKey is where a request keeps why its token was refused.
const reasonKey = "reason"

// noteReason keeps why a token was refused, for the log line of the request.
func noteReason(c *fiber.Ctx, why error) {
	var reason problem.Reason
	if errors.As(why, &reason) {
		c.Locals(reasonKey, reason)
	}
}

// maxDeviceSecret is more than any secret of ours has; a longer one is none.
const maxDeviceSecret = 1024

// deviceSecret is what the device shows of a session that it has had (flow.KnownDevice).
func deviceSecret(c *fiber.Ctx) string {
	shown := c.Get("X-Latchkey-Device")
	if len(shown) > maxDeviceSecret {
		return ""
	}

	return shown
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
