package outbox

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/mail"
	"time"

	gomail "github.com/wneessen/go-mail"
	gosmtp "github.com/wneessen/go-mail/smtp"

	"github.com/latchkey-auth/latchkey/internal/email"
)

// smtp sends by an SMTP server.
type smtp struct {
	client  *gomail.Client
	timeout time.Duration
	// from is the sender as the header shows it, and sender its address.
	from, sender string
}

// newSMTP makes the way to the server of the settings. trust is nil outside tests: the
// system's certificates.
func newSMTP(s Settings, publicURL string, trust *tls.Config) (smtp, error) {
	if trust == nil {
		trust = &tls.Config{MinVersion: tls.VersionTLS12}
	}

	trust.ServerName = s.Host

	timeout := time.Duration(s.Timeout) * time.Second

	options := []gomail.Option{
		gomail.WithPort(s.Port), gomail.WithTimeout(timeout), gomail.WithTLSConfig(trust), gomail.WithHELO(ehloName(s, publicURL)),
	}
	switch {
	case s.TLS:
		options = append(options, gomail.WithSSL())
	case s.StartTLS:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	}

	if s.User != "" {
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(s.User), gomail.WithPassword(s.Password))
	}

	from, sender, err := wireSender(s.From)
	if err != nil {
		return smtp{}, err
	}

	client, err := gomail.NewClient(s.Host, options...)

	return smtp{client: client, timeout: timeout, from: from, sender: sender}, err
}

// wireSender is DEFAULT_FROM_EMAIL with its domain in ASCII: for the header, and the address alone.
func wireSender(setting string) (from, sender string, err error) {
	parsed, err := mail.ParseAddress(setting)
	if err != nil {
		return "", "", fmt.Errorf("DEFAULT_FROM_EMAIL: %w", err)
	}

	sender, ok := email.Wire(parsed.Address)
	if !ok {
		return "", "", fmt.Errorf("DEFAULT_FROM_EMAIL: its domain has no ASCII form")
	}

	if sender == parsed.Address {
		return setting, sender, nil
	}

	parsed.Address = sender

	return parsed.String(), sender, nil
}

func (s smtp) send(ctx context.Context, l letter) error {
	to, ok := email.Wire(l.to)
	if !ok {
		return never("bad_recipient", nil)
	}

	l.to = to

	m, err := compose(l, s.from)
	if err != nil {
		return err
	}

	session, err := s.client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return later("smtp_no_connection", err) // before a recipient was named
	}

	defer func() { _ = session.Close() }()

	err = s.transfer(session, m, to)

	// What goes wrong after the server has taken the mail must not send it again: an answer to
	// QUIT does not count.
	_ = session.Quit()

	return err
}

// transfer hands a mail to the server. Its errors are faults.
func (s smtp) transfer(session *gosmtp.Client, m *gomail.Msg, to string) error {
	offered, _ := session.Extension("SMTPUTF8")
	switch {
	case offered:
	case email.NeedsUTF8(to):
		return never("smtp_no_utf8", nil)
	case email.NeedsUTF8(s.sender):
		return later("smtp_no_utf8_sender", nil)
	}

	session.SkipSMTPUTF8(!email.NeedsUTF8(to) && !email.NeedsUTF8(s.sender))

	if err := session.UpdateDeadline(s.timeout); err != nil {
		return later("smtp_broken_off", nil)
	}

	if err := session.Mail("<" + s.sender + ">"); err != nil {
		return refused(atMail, to, err)
	}

	if err := session.Rcpt("<" + to + ">"); err != nil {
		return refused(atRcpt, to, err)
	}

	body, err := session.Data()
	if err != nil {
		return refused(atData, to, err)
	}

	if _, err := m.WriteTo(body); err != nil {
		return later("smtp_broken_off", nil)
	}

	if err := body.Close(); err != nil {
		return refused(atContent, to, err)
	}

	return nil
}
