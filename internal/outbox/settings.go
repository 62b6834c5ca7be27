package outbox

import (
	"errors"
	"fmt"
	"io/fs"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/latchkey-auth/latchkey/internal/loopback"
	"github.com/latchkey-auth/latchkey/internal/phone"
	"github.com/latchkey-auth/latchkey/internal/webhook"
)

// Settings of what is sent, and how.
type Settings struct {
	Sender        string `env:"LATCHKEY_MAIL" doc:"How mails are sent: smtp, console or none. Default: smtp where EMAIL_HOST is set, otherwise none; console in latchkey dev."`
	Dir           string `env:"LATCHKEY_MAIL_DIR" doc:"Directory in which each mail is also written to a file (RFC 5322, .eml): complete, under a name that sorts by time."`
	Host          string `env:"EMAIL_HOST" doc:"SMTP server. Without EMAIL_USE_TLS and EMAIL_USE_SSL mails are sent unencrypted: serve warns of that if the server is another machine."`
	Port          int    `env:"EMAIL_PORT" default:"25" min:"1" max:"65535" doc:"Its port: 587 is common with EMAIL_USE_TLS, 465 with EMAIL_USE_SSL."`
	User          string `env:"EMAIL_HOST_USER" doc:"User name for the SMTP server. Empty: no authentication."`
	Password      string `env:"EMAIL_HOST_PASSWORD" secret:"true" doc:"Password for the SMTP server. It is never sent unencrypted, except to this machine."`
	StartTLS      bool   `env:"EMAIL_USE_TLS" default:"false" doc:"Encrypt with STARTTLS; no mail is sent to a server that does not offer it."`
	TLS           bool   `env:"EMAIL_USE_SSL" default:"false" doc:"Encrypt from the first byte."`
	Timeout       int    `env:"EMAIL_TIMEOUT" default:"10" min:"1" max:"50" doc:"Seconds that the SMTP server or the SMS webhook may take."`
	EHLO          string `env:"LATCHKEY_EHLO_NAME" doc:"Name that this server sends to the SMTP server (EHLO): a domain name with a dot, or an address literal such as [192.0.2.1]. Many relays refuse a name that is not in the DNS. Default: the host of LATCHKEY_PUBLIC_URL, otherwise the domain of DEFAULT_FROM_EMAIL, otherwise the name of this machine."`
	From          string `env:"DEFAULT_FROM_EMAIL" default:"webmaster@localhost" doc:"Sender of mails, such as Example <no-reply@example.com>."`
	SubjectPrefix string `env:"ACCOUNT_EMAIL_SUBJECT_PREFIX" doc:"Prefix of every subject, such as [Example]."`
	Templates     string `env:"LATCHKEY_TEMPLATES_DIR" doc:"Directory with templates that replace the built-in ones, file by file: docs/decisions/0006-outbox.md says how."`
	FrontendURLs  string `env:"HEADLESS_FRONTEND_URLS" doc:"JSON object with the addresses of links in messages: account_confirm_email, account_reset_password_from_key and account_undo, each with {key}, account_reset_password, account_signup; and of pages that password managers look for (/.well-known/change-password, /.well-known/passkey-endpoints): account_change_password, mfa_add_webauthn, mfa_list_webauthn. Without account_undo, undo links lead to a page of this server (LATCHKEY_PUBLIC_URL). https, or a scheme of your app. Default in latchkey dev: below its own address."`
	SMS           string `env:"LATCHKEY_SMS" doc:"How SMS are sent: webhook, console or none. Default: webhook where LATCHKEY_SMS_WEBHOOK_URL is set, otherwise as LATCHKEY_MAIL says if that is console, otherwise none."`

	SMSCountries []string `env:"LATCHKEY_SMS_COUNTRIES" doc:"Countries whose numbers get SMS: a list of ISO 3166-1 codes such as DE,AT,CH. Other numbers are refused (phone_not_served). Default: every country, and a warning at the start. Premium numbers never get one."`

	SMSWebhook string `env:"LATCHKEY_SMS_WEBHOOK_URL" secret:"url" doc:"https address that gets a POST for each SMS: a JSON object with id, to and text. A repeated id is the same message again. The header Latchkey-Signature is t=SECONDS,v1=HEX: the HMAC-SHA256 of SECONDS, a dot and the body."`
	SMSSecret  string `env:"LATCHKEY_SMS_WEBHOOK_SECRET" secret:"true" doc:"Key of that HMAC: at least 32 characters."`

	SMSDomain      string `env:"LATCHKEY_SMS_DOMAIN" doc:"Domain that codes in texts are bound to: the last line is @example.com #12345678. iOS then fills the code in on that domain, its subdomains and the apps associated with it, and nowhere else; browsers do so by WebOTP. none: no such line. Default: LATCHKEY_WEBAUTHN_RP_ID, otherwise none."`
	SMSAndroidHash string `env:"LATCHKEY_SMS_ANDROID_HASH" doc:"The 11 characters that identify your Android app (AppSignatureHelper prints them). They are added to texts with codes, and SMS Retriever gives the text to the app without asking the user. Default: none."`

	SealingKeys  string `env:"LATCHKEY_SEALING_KEYS" secret:"true" doc:"Keys that encrypt secrets which must be readable again: TOTP secrets, recovery codes, grants of providers, and messages until they are sent. id:base64 of 32 bytes, separated by commas; the first one encrypts, all of them decrypt. To change keys, put a new one first, run latchkey keys reseal, and remove the old one after seven days. Without this setting there are no TOTP and no recovery codes, and messages are encrypted with a generated key that is stored in the database, encrypted with the signing keys."`
	Workers      int    `env:"LATCHKEY_OUTBOX_WORKERS" default:"4" min:"1" max:"100" doc:"Maximum number of messages that are sent at the same time."`
	MaxAttempts  int    `env:"LATCHKEY_OUTBOX_MAX_ATTEMPTS" default:"12" min:"1" max:"20" doc:"Attempts to send a message. The delay after attempt n is the fourth power of n in seconds, so that 12 attempts take eleven hours. Then the message fails permanently: see latchkey outbox list."`
	PollInterval int    `env:"LATCHKEY_OUTBOX_POLL_INTERVAL" default:"1" min:"1" max:"60" doc:"Seconds between two queries for new messages that no notification of the database announced."`
	PollOnly     bool   `env:"LATCHKEY_OUTBOX_POLL_ONLY" default:"false" doc:"Do not use notifications (LISTEN and NOTIFY), and query for messages every LATCHKEY_OUTBOX_POLL_INTERVAL seconds. LATCHKEY_DATABASE_POOLER=transaction implies it."`
}

// sender is how mails go.
func (s Settings) sender() string {
	switch {
	case s.Sender != "":
		return s.Sender
	case s.Host != "":
		return "smtp"
	}

	return "none"
}

// texter is how SMS go.
func (s Settings) texter() string {
	switch {
	case s.SMS != "":
		return s.SMS
	case s.SMSWebhook != "":
		return "webhook"
	case s.sender() == "console":
		return "console"
	}

	return "none"
}

// PlainHost is the SMTP server that mails travel to unencrypted, over a network; empty for none.
func (s Settings) PlainHost() string {
	encrypted := s.StartTLS || s.TLS
	if s.sender() != "smtp" || encrypted || loopback.Is(s.Host) {
		return ""
	}

	return s.Host
}

// Check returns everything that is wrong with the settings.
func (s Settings) Check() []error {
	var wrong []error
	refuse := func(bad bool, text string) {
		if bad {
			wrong = append(wrong, errors.New(text))
		}
	}
	refuse(!slices.Contains([]string{"smtp", "console", "none"}, s.sender()), "LATCHKEY_MAIL: want smtp, console or none")
	refuse(s.sender() == "smtp" && s.Host == "", "EMAIL_HOST: is needed to send mails by SMTP")
	refuse(s.StartTLS && s.TLS, "EMAIL_USE_SSL: is set as well as EMAIL_USE_TLS: set one of them")
	refuse(s.User != "" && !s.StartTLS && !s.TLS && !loopback.Is(s.Host), "EMAIL_HOST_USER: set EMAIL_USE_TLS or EMAIL_USE_SSL: the password must not travel unencrypted")
	_, err := mail.ParseAddress(s.From)
	refuse(err != nil, "DEFAULT_FROM_EMAIL: want an address, or a name and an address such as Example <no-reply@example.com>")
	refuse(s.EHLO != "" && !validEHLO(s.EHLO), "LATCHKEY_EHLO_NAME: want a domain name such as id.example.com, or an address literal such as [192.0.2.1]")
	refuse(oneLine(s.SubjectPrefix) != s.SubjectPrefix, "ACCOUNT_EMAIL_SUBJECT_PREFIX: want one line")
	refuse(!slices.Contains([]string{"webhook", "console", "none"}, s.texter()), "LATCHKEY_SMS: want webhook, console or none")

	for _, code := range s.SMSCountries {
		refuse(!phone.IsCountry(code), fmt.Sprintf("LATCHKEY_SMS_COUNTRIES: %q is not an ISO 3166-1 code of two capital letters", code))
	}

	s.checkAutofill(refuse)

	if s.texter() == "webhook" {
		wrong = append(wrong, webhook.Check("LATCHKEY_SMS_WEBHOOK_URL", s.SMSWebhook, "LATCHKEY_SMS_WEBHOOK_SECRET", s.SMSSecret)...)
	}

	if err := s.checkTemplates(); err != nil {
		wrong = append(wrong, err)
	}

	if err := checkDirectory(s.Dir); err != nil {
		wrong = append(wrong, fmt.Errorf("LATCHKEY_MAIL_DIR: %w", err))
	}

	return wrong
}

// checkTemplates returns what is wrong with the links and with the operator's templates, which use them.
func (s Settings) checkTemplates() error {
	links, err := s.links()
	if err != nil || s.Templates == "" {
		return err
	}

	_, err = readTemplates(s.Templates, s.SubjectPrefix, links)

	return err
}

// checkDirectory returns an error where this account cannot write mails into a folder, or cannot make it.
// It changes nothing: the first mail makes the folder.
func checkDirectory(dir string) error {
	if dir == "" {
		return nil
	}

	for path := filepath.Clean(dir); ; path = filepath.Dir(path) {
		info, err := os.Stat(path)

		switch {
		case errors.Is(err, fs.ErrNotExist) && path != filepath.Dir(path):
			continue
		case err != nil:
			return err
		case !info.IsDir():
			return fmt.Errorf("%s is no folder", path)
		case syscall.Access(path, mayWrite) != nil:
			return fmt.Errorf("this account cannot write into %s", path)
		}

		return nil
	}
}

// mayWrite asks whether files can be made in a folder: access(2)'s W_OK and X_OK.
const mayWrite = 2 | 1
