package outbox

import (
	"bytes"
	"errors"
	html "html/template"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/language"

	"github.com/latchkey-auth/latchkey/internal/policy"
)

// view is what a template can show. Everything in it is one line.
type view struct {
	To, Code, Link, SignupLink, ResetLink string
	Address, Platform                     string
	Time, Date                            string
	// UndoLink undoes the change that the message tells of, until UndoUntil; empty for none.
	UndoLink, UndoUntil string
	Restored
}

// page is what the layout, or a page of a kind's own, can show.
type page struct {
	view
	Language, Subject string
	Blocks            []block
	// Href and the blocks' are addresses for an href: html/template would empty an app's
	// own scheme.
	Href html.URL
}

// block is a paragraph of the page: plain, a code alone, or a link alone.
type block struct {
	Text       string
	Lines      []string
	Code, Link bool
	Href       html.URL
}

// timeFormat is how messages write a moment.
const timeFormat = "2006-01-02 15:04 MST"

// render makes the letter of a message, in the language that its reader prefers.
func (t *templates) render(kind Kind, p payload) (letter, error) {
	v := view{
		To: oneLine(p.To), Code: oneLine(p.Code), Address: oneLine(p.Device.Address), Platform: oneLine(p.Device.Platform),
		Time: p.At.UTC().Format(timeFormat), Date: p.Date.UTC().Format(time.DateOnly),
		SignupLink: t.links[linkSignup], ResetLink: t.links[linkResetStart], Restored: p.Restored,
	}
	if name := kind.carriesLink(); name != "" {
		if t.links[name] == "" {
			return letter{}, later("no_"+name, errors.New("HEADLESS_FRONTEND_URLS does not say where the link leads"))
		}

		v.Link = strings.Replace(t.links[name], keyPlace, url.PathEscape(p.Key), 1)
	}

	if p.UndoKey != "" && t.links[linkUndo] != "" {
		v.UndoLink = strings.Replace(t.links[linkUndo], keyPlace, url.PathEscape(p.UndoKey), 1)
		v.UndoUntil = p.At.Add(policy.UndoLifetime).UTC().Format(timeFormat)
	}

	l, err := t.fill(t.languageOf(p.Device.Language), kind, v)
	if err != nil {
		return letter{}, later("template", nil) // what it says may show what it was filled with
	}

	if kind == SMSCode {
		l.text = t.autofill.add(l.text, v.Code)
	}

	return l, nil
}

// languageOf is the language of ours that an Accept-Language header asks for.
func (t *templates) languageOf(preference string) string {
	_, at := language.MatchStrings(t.matcher, preference)
	return t.languages[at]
}

var (
	emptyLines = regexp.MustCompile(`\n[ \t]*(\n[ \t]*)+\n`)
	subject    = regexp.MustCompile(`^Subject: (.*\S)\s*\n\s*\n`)
)

// fill fills the templates of a kind. The text of a mail begins with its subject.
func (t *templates) fill(language string, kind Kind, v view) (letter, error) {
	name := language + "/" + string(kind)

	var out bytes.Buffer
	if err := t.texts[name].Execute(&out, v); err != nil {
		return letter{}, err
	}

	l := letter{language: language, text: strings.ReplaceAll(out.String(), "\r\n", "\n")}
	if !kind.isText() {
		head := subject.FindStringSubmatch(l.text)
		if head == nil {
			return letter{}, errors.New("want a line `Subject: ` and what it is at the beginning, and an empty one after it")
		}

		l.subject = strings.TrimSpace(t.prefix + " " + oneLine(head[1]))
		l.text = l.text[len(head[0]):]
	}

	// What a template leaves out leaves its empty lines behind.
	l.text = strings.TrimSpace(emptyLines.ReplaceAllString(l.text, "\n\n")) + "\n"
	if kind.isText() {
		return l, nil
	}

	layout := t.pages[name]
	if layout == nil {
		layout = t.layout
	}

	var web bytes.Buffer
	err := layout.Execute(&web, page{
		view: v, Language: language, Subject: l.subject, Blocks: blocks(l.text, v), Href: html.URL(v.Link), //nolint:gosec // of the operator's settings
	})
	l.web = web.String()

	return l, err
}

// blocks splits a text for the page.
//
// Security: only links of the operator's settings become links
// (TestRender_whatOthersSentIsNoMarkup).
func blocks(body string, v view) []block {
	var list []block
	for _, part := range strings.Split(strings.TrimSpace(body), "\n\n") {
		switch part {
		case v.Code:
			list = append(list, block{Text: part, Code: true})
		case v.Link, v.SignupLink, v.ResetLink, v.UndoLink:
			list = append(list, block{Text: part, Link: true, Href: html.URL(part)}) //nolint:gosec // of the operator's settings
		default:
			list = append(list, block{Text: part, Lines: strings.Split(part, "\n")})
		}
	}

	return list
}

// oneLine makes what others sent unable to begin another line or header.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}

		return r
	}, s)
}
