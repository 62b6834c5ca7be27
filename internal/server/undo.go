package server

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/latchkey-auth/latchkey/internal/email"
	"github.com/latchkey-auth/latchkey/internal/limit"
	"github.com/latchkey-auth/latchkey/internal/outbox"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/snapshot"
	"github.com/latchkey-auth/latchkey/internal/undo"
)

// The undo page is for installations whose app does not open undo links (HEADLESS_FRONTEND_URLS):
// GET shows what a link would undo, and POST of the form on it undoes that. It is the one page
// that this server shows to users, and no operation of the spec.

var (
	//go:embed undo.html
	undoMarkup string
	//go:embed undo.css
	undoStyle string

	undoTemplate = template.Must(template.New("undo").Parse(undoMarkup))
)

// undoPolicy lets the page have its own style and its own form, and nothing else.
//
// Security: no script, no frame around it, no image that tells where it was opened
// (TestUndoPage_runsNothingAndIsKeptNowhere).
var undoPolicy = "default-src 'none'; style-src 'sha256-" + styleHash() + "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func styleHash() string {
	sum := sha256.Sum256([]byte(undoStyle))

	return base64.StdEncoding.EncodeToString(sum[:])
}

// undoPage is what the template shows.
type undoPage struct {
	Language, Title string
	Style           template.CSS
	Lead            []string
	Changes         []undoneChange
	EffectsTitle    string
	Effects, Notes  []string
	Button, Leave   string
}

// undoneChange is a change as the page lists it.
type undoneChange struct{ What, When string }

// undoPages registers the page.
func (s *Server) undoPages() {
	path := outbox.UndoPath + ":key"
	s.app.Get(path, s.paged(s.showUndo))
	s.app.Post(path, s.paged(s.doUndo))
}

// undoHandler makes the page that answers a request, or the error that keeps it from that.
type undoHandler func(c *fiber.Ctx, t undoTexts) (undoPage, error)

// paged counts a request and turns its error into a page.
func (s *Server) paged(handle undoHandler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		texts := undoTextsFor(c.Get(fiber.HeaderAcceptLanguage))

		page, err := s.admitted(c, texts, handle)
		if err != nil {
			page = failedUndo(texts, err)
			s.refuse(c, err)
		}

		return renderUndo(c, texts, page)
	}
}

// admitted handles a request once the server is ready, and within its limit.
func (s *Server) admitted(c *fiber.Ctx, t undoTexts, handle undoHandler) (undoPage, error) {
	if !s.Ready() {
		return undoPage{}, problem.TemporarilyUnavailable
	}
	if _, err := s.Limiter.Take(c.UserContext(), limit.AccountUndo, limit.Subject{Address: s.address(c)}); err != nil {
		return undoPage{}, err
	}

	return handle(c, t)
}

// refuse sets the status and the headers of an error. The answer itself is a page.
func (s *Server) refuse(c *fiber.Ctx, err error) {
	found := problem.All(err)
	if found == nil {
		found = problem.List{problem.TemporarilyUnavailable}
	}

	first := found[0]
	if first.Kind == problem.Unavailable || first.Kind == problem.TooMany {
		c.Set(fiber.HeaderRetryAfter, retryAfter(first.RetryAfter))
	}
	if first.Kind == problem.Internal || first.Kind == problem.Unavailable {
		_, cause := describe(err)
		s.Log.ErrorContext(c.UserContext(), "the undo page failed", "cause", cause)
	}

	c.Status(statuses[first.Kind])
}

func renderUndo(c *fiber.Ctx, t undoTexts, page undoPage) error {
	page.Language, page.Style = t.language, template.CSS(undoStyle) //nolint:gosec // ours

	var out bytes.Buffer
	if err := undoTemplate.Execute(&out, page); err != nil {
		return err
	}

	c.Set(fiber.HeaderContentSecurityPolicy, undoPolicy)
	c.Set(fiber.HeaderXFrameOptions, "DENY")
	c.Set(fiber.HeaderVary, fiber.HeaderAcceptLanguage)
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)

	return c.Send(out.Bytes())
}

func (s *Server) showUndo(c *fiber.Ctx, t undoTexts) (undoPage, error) {
	shown, err := s.Undo.Show(c.UserContext(), c.Params("key"))
	if err != nil {
		return undoPage{}, err
	}

	page := undoPage{
		Title: t.title, EffectsTitle: t.effectsTitle, Effects: t.effects, Button: t.button, Leave: t.leave,
		Lead: []string{fmt.Sprintf(t.lead, shown.Account), fmt.Sprintf(t.until, moment(shown.ExpiresAt))},
	}
	for _, c := range shown.Changes {
		page.Changes = append(page.Changes, undoneChange{t.change(c.Kind), t.where(c)})
	}
	if shown.Earlier > 0 {
		page.Notes = append(page.Notes, t.earlier)
	}

	return page, nil
}

func moment(at time.Time) string { return at.UTC().Format("2006-01-02 15:04 MST") }

// where says when a change was made, on what, and from which network.
func (t undoTexts) where(c snapshot.Listed) string {
	parts := []string{moment(c.ChangedAt), t.platform(c.Platform)}
	if c.Network != "" {
		parts = append(parts, fmt.Sprintf(t.from, c.Network))
	}

	return strings.Join(parts, ", ")
}

func (s *Server) doUndo(c *fiber.Ctx, t undoTexts) (undoPage, error) {
	done, err := s.Undo.Do(c.UserContext(), s.device(c), c.Params("key"))
	if err != nil {
		return undoPage{}, err
	}

	page := undoPage{Title: t.doneTitle, Lead: []string{fmt.Sprintf(t.doneLead, done.Account), t.next(done)}}
	if len(done.Skipped) > 0 {
		page.Notes = append(page.Notes, t.partly)
	}
	if done.Earlier {
		page.Notes = append(page.Notes, t.kept)
	}

	return page, nil
}

// next says how to get a new password.
func (t undoTexts) next(done undo.Done) string {
	switch {
	case done.LinkSent:
		return fmt.Sprintf(t.doneLink, email.Short(done.ResetAddress))
	case done.ResetAddress != "":
		return fmt.Sprintf(t.doneCode, email.Short(done.ResetAddress))
	}

	return t.doneNone
}

func failedUndo(t undoTexts, err error) undoPage {
	why := t.away
	switch {
	case errors.Is(err, problem.LinkAlreadyUsed):
		why = t.used
	case errors.Is(err, problem.InvalidOrExpiredKey):
		why = t.invalid
	case errors.Is(err, problem.TooManyRequests):
		why = t.busy
	}

	return undoPage{Title: t.failedTitle, Lead: []string{why}}
}
