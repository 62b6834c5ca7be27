package outbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	gomail "github.com/wneessen/go-mail"
)

// letter is a message as it goes out.
type letter struct {
	id                  uuid.UUID
	at                  time.Time
	to, subject         string
	language, text, web string
}

// sender sends mails, or texts. Its errors are faults.
type sender interface {
	send(ctx context.Context, l letter) error
}

// newMailer returns the way that mails go.
func newMailer(parts Parts) (sender, error) {
	s := parts.Settings

	var all senders
	switch s.sender() {
	case "smtp":
		client, err := newSMTP(s, parts.PublicURL, nil)
		if err != nil {
			return nil, fmt.Errorf("EMAIL_HOST: %w", err)
		}

		all = append(all, client)
	case "console":
		all = append(all, &console{out: parts.Console})
	}

	if s.Dir != "" {
		all = append(all, directory{s.Dir, s.From})
	}

	if len(all) == 0 {
		return nowhere{}, nil
	}

	return all, nil
}

// senders send each mail by every one of them: latchkey dev prints and writes.
type senders []sender

func (all senders) send(ctx context.Context, l letter) error {
	for _, s := range all {
		if err := s.send(ctx, l); err != nil {
			return err
		}
	}

	return nil
}

// nowhere is where messages go that nobody has said how to send.
type nowhere struct{}

func (nowhere) send(context.Context, letter) error { return never("no_sender", nil) }

// compose makes the mail of a letter: RFC 5322, with a text and an HTML part. The same
// letter makes the same mail.
//
// Security: the library encodes headers, the address parser refuses what is not one
// address, and templates cannot break the subject (TestCompose_headersCannotBeInjected).
func compose(l letter, from string) (*gomail.Msg, error) {
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithBoundary("latchkey-"+l.id.String()))
	if err := m.From(from); err != nil {
		return nil, never("bad_sender", err)
	}

	to, err := mail.ParseAddress(l.to)
	if err != nil || to.Address != l.to || m.To(l.to) != nil {
		return nil, never("bad_recipient", nil) // the parsers' own texts show it
	}

	own, err := mail.ParseAddress(from)
	if err != nil {
		return nil, never("bad_sender", err)
	}

	m.Subject(l.subject)
	m.SetDateWithValue(l.at)
	// The same when it is repeated: a reader may drop the second.
	m.SetMessageIDWithValue(l.id.String() + own.Address[strings.LastIndexByte(own.Address, '@'):])
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	m.SetGenHeader("Content-Language", l.language)
	m.SetBodyString(gomail.TypeTextPlain, l.text)
	m.AddAlternativeString(gomail.TypeTextHTML, l.web)

	return m, nil
}

// console prints what it is to send: what latchkey dev does.
type console struct {
	mu  sync.Mutex
	out io.Writer
}

func (c *console) send(_ context.Context, l letter) error {
	c.mu.Lock()
	defer c.mu.Unlock()

	head := "text to " + oneLine(l.to)
	if l.subject != "" {
		head = "mail to " + oneLine(l.to) + ": " + l.subject
	}

	if _, err := fmt.Fprintf(c.out, "\n--- %s\n%s---\n", head, l.text); err != nil {
		return later("console", err)
	}

	return nil
}

// directory writes each mail to a file of its own, whole or not at all. A mail that is
// repeated takes the place of its file.
type directory struct{ path, from string }

func (d directory) send(_ context.Context, l letter) error {
	m, err := compose(l, d.from)
	if err != nil {
		return err
	}

	var text bytes.Buffer
	if _, err := m.WriteTo(&text); err != nil {
		return later("directory", err)
	}

	if err := os.MkdirAll(d.path, 0o700); err != nil {
		return later("directory", err)
	}

	f, err := os.CreateTemp(d.path, ".writing-*")
	if err != nil {
		return later("directory", err)
	}

	_, err = f.Write(text.Bytes())

	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(d.path, l.id.String()+".eml")) // a UUIDv7: sorts by time
	}

	if err != nil {
		_ = os.Remove(f.Name())
		return later("directory", err)
	}

	return nil
}
