package outbox

import (
	"errors"
	"fmt"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
)

// command is the SMTP command, or the part of a mail, that a server refused.
type command string

const (
	atMail    command = "MAIL FROM"
	atRcpt    command = "RCPT TO"
	atData    command = "DATA"
	atContent command = "the mail"
)

// refusal is what a mail server answered in place of taking a mail.
type refusal struct {
	at   command
	code int
	// status is the enhanced status code (RFC 3463) without its class, such as 7.1; empty for none.
	status string
	// passing: the enhanced status code is of another class than 5.
	passing bool
	// text is in lower case. Security: it may repeat the recipient, so that it is never logged
	// (TestRefusal_showsNothing).
	text string
}

// enhanced finds enhanced status codes at the beginnings of an answer's lines. X.0.0 says nothing.
var enhanced = regexp.MustCompile(`(?m)^([245])\.(\d{1,3}\.\d{1,3})(?:\s|$)`)

// readRefusal reads a server's answer.
func readRefusal(at command, to string, answer *textproto.Error) refusal {
	text := strings.ReplaceAll(strings.ToLower(answer.Msg), strings.ToLower(to), "")
	r := refusal{at: at, code: answer.Code, text: text}

	for _, found := range enhanced.FindAllStringSubmatch(answer.Msg, -1) {
		class, status := found[1], found[2]
		if status == "0.0" {
			continue
		}

		r.status = status
		// A server that contradicts itself has not said that it is for good.
		r.passing = class != "5"

		break
	}

	return r
}

// statusesOfMailboxes are the enhanced status codes (RFC 3463, RFC 7505, RFC 6531) that say
// that no later attempt can reach the recipient: the mailbox or its domain does not exist, has
// moved, is switched off, or takes no such address. Not among them: 1.0, 1.7 and 1.8, which
// servers say of the sender; 2.2, a full mailbox; 3 to 5, the server's own trouble; and 7,
// policy, which an operator changes.
var statusesOfMailboxes = []string{"1.1", "1.2", "1.3", "1.4", "1.6", "1.10", "2.1", "6.7"}

// codesOfMailboxes are the codes (RFC 5321, RFC 7504) that say the same where there is no
// enhanced one.
var codesOfMailboxes = []int{550, 551, 553, 556}

// aboutUs finds what servers say without an enhanced code when they mean this server and not the
// mailbox: RFC 5321 has 550 and 553 for both.
var aboutUs = regexp.MustCompile(`relay|black ?list|block|spam|\brbl\b|dnsbl|policy|\bh?e[hl]+lo\b|authenticat|auth required|` +
	`log ?in|sender|reverse|\bptr\b|\brdns\b|\bspf\b|dkim|dmarc|reputation|your (ip|host|server)|client host|not permitted|denied|rate limit|too many`)

// isFinal reports whether no later attempt can succeed.
//
// Servers refuse clients, EHLO names and senders at RCPT TO (Postfix does so by default), so
// that the command alone says nothing. Only an answer about the mailbox is final: what a server
// holds against us may be over before the last attempt, or an operator changes it.
func (r refusal) isFinal() bool {
	if r.code < 500 || r.passing || r.at == atMail {
		return false
	}

	if r.status != "" {
		return slices.Contains(statusesOfMailboxes, r.status)
	}

	return r.at == atRcpt && slices.Contains(codesOfMailboxes, r.code) && !aboutUs.MatchString(r.text)
}

// explain says for the log what was refused, in words of ours and numbers of the server's.
func (r refusal) explain() error {
	answer := fmt.Sprint(r.code)
	if r.status != "" {
		answer += " (status x." + r.status + ")"
	}

	switch {
	case r.isFinal():
		return fmt.Errorf("the mail server answered %s to %s: the mailbox cannot be reached", answer, r.at)
	case r.code >= 500 && !r.passing:
		return fmt.Errorf("the mail server answered %s to %s: it refuses this server or its mail, not the mailbox; "+
			"check its rules for relaying, EMAIL_HOST_USER, DEFAULT_FROM_EMAIL and LATCHKEY_EHLO_NAME", answer, r.at)
	}

	return fmt.Errorf("the mail server answered %s to %s: for the time being", answer, r.at)
}

// refused makes the fault of an error that an SMTP command returned.
func refused(at command, to string, err error) *fault {
	var answer *textproto.Error
	if !errors.As(err, &answer) {
		return later("smtp_broken_off", nil)
	}

	r := readRefusal(at, to, answer)
	f := answered("smtp", answer.Code, r.isFinal())
	f.cause = r.explain()

	return f
}
