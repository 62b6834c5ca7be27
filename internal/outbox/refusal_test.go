package outbox

import (
	"net/textproto"
	"strings"
	"testing"

	smtpserver "github.com/emersion/go-smtp"
)

// noStatus is an answer without an enhanced status code.
var noStatus = smtpserver.NoEnhancedCode

func TestRefusal_onlyAnAnswerAboutTheMailboxIsFinal(t *testing.T) {
	t.Parallel()

	const to = "erika@relay.example"

	for _, c := range []struct {
		at    command
		code  int
		text  string
		final bool
	}{
		{atRcpt, 550, "5.1.1 <erika@relay.example>: Recipient address rejected: User unknown in virtual mailbox table", true},
		{atRcpt, 550, "5.1.1 The email account that you tried to reach does not exist.\n5.1.1 Please try double-checking", true},
		{atRcpt, 550, "5.1.10 Recipient address rejected: Domain example.org does not accept mail (nullMX)", true},
		{atRcpt, 553, "5.1.3 Bad recipient address syntax", true},
		{atRcpt, 551, "5.1.6 User has moved", true},
		{atRcpt, 550, "5.2.1 The email account that you tried to reach is disabled.", true},
		{atRcpt, 553, "5.6.7 SMTPUTF8 is required, but was not offered", true},
		{atContent, 550, "5.1.1 no such user", true},
		{atRcpt, 550, "No such user here", true},
		{atRcpt, 550, "<erika@relay.example>: mailbox unavailable", true}, // the address itself names a relay
		{atRcpt, 550, "5.0.0 <erika@relay.example> unknown user", true},
		{atRcpt, 551, "user not local", true},
		{atRcpt, 553, "mailbox name not allowed", true},
		{atRcpt, 556, "domain does not accept mail", true},

		{atRcpt, 504, "5.5.2 <web-7f>: Helo command rejected: need fully-qualified hostname", false},
		{atRcpt, 550, "5.7.1 <web-7f>: Helo command rejected: Host not found", false},
		{atRcpt, 554, "5.7.1 <erika@relay.example>: Relay access denied", false},
		{atRcpt, 554, "5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", false},
		{atRcpt, 553, "5.7.1 <no-reply@example.com>: Sender address rejected: not owned by user", false},
		{atRcpt, 550, "5.1.0 <no-reply@example.com>: Sender address rejected: User unknown", false},
		{atRcpt, 550, "5.1.8 <no-reply@example.com>: Sender address rejected: Domain not found", false},
		{atRcpt, 530, "5.7.0 Authentication required", false},
		{atRcpt, 535, "5.7.8 Authentication credentials invalid", false},
		{atRcpt, 550, "5.7.25 The sending IP has no PTR record", false},
		{atRcpt, 550, "5.4.5 Daily user sending limit exceeded", false},
		{atRcpt, 552, "5.2.2 mailbox full", false},
		{atRcpt, 554, "refused", false},
		{atRcpt, 530, "authentication required", false},
		{atRcpt, 503, "bad sequence of commands", false},
		{atRcpt, 550, "relay not permitted", false},
		{atRcpt, 550, "Relaying denied", false},
		{atRcpt, 550, "Access denied - Invalid HELO name (See RFC2821 4.1.1.1)", false},
		{atRcpt, 550, "Your IP is listed in a DNSBL", false},
		{atRcpt, 553, "sorry, that domain isn't in my list of allowed rcpthosts; sender must authenticate", false},
		{atRcpt, 550, "4.2.1 try again", false}, // the status contradicts the code
		{atMail, 550, "5.1.1 no such sender", false},
		{atMail, 553, "5.1.8 Sender address rejected", false},
		{atMail, 550, "mailbox unavailable", false},
		{atData, 554, "5.5.1 no valid recipients", false},
		{atContent, 554, "Message rejected: Email address is not verified", false},
		{atContent, 550, "5.7.1 spam", false},
		{atContent, 550, "this looks like spam", false},
		{atRcpt, 421, "closing", false},
		{atRcpt, 450, "5.1.1 unknown", false},
		{atRcpt, 452, "4.2.2 over quota", false},
	} {
		t.Run(string(c.at)+" "+c.text, func(t *testing.T) {
			t.Parallel()

			r := readRefusal(c.at, to, &textproto.Error{Code: c.code, Msg: c.text})
			if r.isFinal() != c.final {
				t.Errorf("final: got %v, want %v", r.isFinal(), c.final)
			}
			if line := r.explain().Error(); strings.Contains(line, "erika") || strings.Contains(line, "Helo") {
				t.Errorf("the log line repeats the server's text: %s", line)
			}
		})
	}
}

func TestSMTP_anAnswerOfTheServerDecidesWhetherAMailIsTriedAgain(t *testing.T) {
	t.Parallel()

	for name, c := range map[string]struct {
		answer smtpserver.SMTPError
		atMail bool
		code   string
		final  bool
	}{
		"no such mailbox":             {smtpserver.SMTPError{Code: 550, EnhancedCode: smtpserver.EnhancedCode{5, 1, 1}, Message: "unknown"}, false, "smtp_550", true},
		"no such mailbox, bare code":  {smtpserver.SMTPError{Code: 550, EnhancedCode: noStatus, Message: "unknown"}, false, "smtp_550", true},
		"a mailbox switched off":      {smtpserver.SMTPError{Code: 550, EnhancedCode: smtpserver.EnhancedCode{5, 2, 1}, Message: "off"}, false, "smtp_550", true},
		"the EHLO name":               {smtpserver.SMTPError{Code: 504, EnhancedCode: smtpserver.EnhancedCode{5, 5, 2}, Message: "HELO"}, false, "smtp_504", false},
		"a block list":                {smtpserver.SMTPError{Code: 554, EnhancedCode: smtpserver.EnhancedCode{5, 7, 1}, Message: "listed"}, false, "smtp_554", false},
		"relay denied":                {smtpserver.SMTPError{Code: 553, EnhancedCode: smtpserver.EnhancedCode{5, 7, 1}, Message: "relay"}, false, "smtp_553", false},
		"authentication":              {smtpserver.SMTPError{Code: 530, EnhancedCode: noStatus, Message: "auth"}, false, "smtp_530", false},
		"a transaction that failed":   {smtpserver.SMTPError{Code: 554, EnhancedCode: noStatus, Message: "failed"}, false, "smtp_554", false},
		"greylisting":                 {smtpserver.SMTPError{Code: 450, EnhancedCode: smtpserver.EnhancedCode{4, 2, 0}, Message: "later"}, false, "smtp_450", false},
		"no such sender, at the MAIL": {smtpserver.SMTPError{Code: 550, EnhancedCode: smtpserver.EnhancedCode{5, 1, 1}, Message: "sender"}, true, "smtp_550", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			server := newMailServer(t, serverOptions{})
			client, err := newSMTP(server.settings(), "", server.trust)
			if err != nil {
				t.Fatal(err)
			}

			if c.atMail {
				server.atMail = append(server.atMail, &c.answer)
			} else {
				server.refuse(&c.answer)
			}

			f := faultOf(t, client.send(t.Context(), sampleLetter()))
			if f.code != c.code || f.hopeless != c.final {
				t.Errorf("got %s, final %v; want %s, %v", f.code, f.hopeless, c.code, c.final)
			}

			if err := client.send(t.Context(), sampleLetter()); err != nil {
				t.Errorf("the next attempt: %v", err)
			}
		})
	}
}

// A relay that refuses a server for a few seconds must not cost a code.
func TestWork_aRefusalOfThisServerIsTriedAgainAndLogged(t *testing.T) {
	t.Parallel()

	server := newMailServer(t, serverOptions{})
	b := newBench(t, server.settings()).start(t)
	server.refuse(&smtpserver.SMTPError{Code: 554, EnhancedCode: smtpserver.EnhancedCode{5, 7, 1}, Message: "Relay access denied"})
	b.post(t, code("erika@example.com", "BCDF-GHJK"))

	if m := server.next(t); m.to != "erika@example.com" {
		t.Errorf("%+v", m)
	}
	for _, want := range []string{"given_up=false", "code=smtp_554", "it refuses this server or its mail, not the mailbox", "LATCHKEY_EHLO_NAME"} {
		if !strings.Contains(b.logs.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, b.logs)
		}
	}
	if strings.Contains(b.logs.String(), "erika") {
		t.Errorf("the log names the recipient:\n%s", b.logs)
	}
}

func TestSMTP_internationalAddresses(t *testing.T) {
	t.Parallel()

	for name, c := range map[string]struct {
		utf8    bool
		to      string
		want    string
		asUTF8  bool
		failure string
		final   bool
	}{
		"a domain, not offered":     {false, "ada@bücher.example", "ada@xn--bcher-kva.example", false, "", false},
		"a domain, offered":         {true, "ada@bücher.example", "ada@xn--bcher-kva.example", false, "", false},
		"a decomposed domain":       {false, "ada@bu\u0308cher.example", "ada@xn--bcher-kva.example", false, "", false},
		"a Cyrillic domain":         {false, "ada@пример.рф", "ada@xn--e1afmkfd.xn--p1ai", false, "", false},
		"a local part, offered":     {true, "ädä@example.com", "ädä@example.com", true, "", false},
		"a local part, not offered": {false, "ädä@example.com", "", false, "smtp_no_utf8", true},
		"no such domain name":       {true, "ada@bü\u202echer.example", "", false, "bad_recipient", true},
		"plain, offered":            {true, "ada@example.com", "ada@example.com", false, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			server := newMailServer(t, serverOptions{utf8: c.utf8})
			client, err := newSMTP(server.settings(), "", server.trust)
			if err != nil {
				t.Fatal(err)
			}

			l := sampleLetter()
			l.to = c.to
			err = client.send(t.Context(), l)
			if c.failure != "" {
				if f := faultOf(t, err); f.code != c.failure || f.hopeless != c.final {
					t.Errorf("%+v, want %s", f, c.failure)
				}
				server.none(t)
				return
			}

			if err != nil {
				t.Fatal(err)
			}
			if m := server.next(t); m.to != c.want || m.utf8 != c.asUTF8 {
				t.Errorf("to %q, SMTPUTF8 %v; want %q, %v", m.to, m.utf8, c.want, c.asUTF8)
			}
		})
	}
}

func TestSMTP_sendsFromAnInternationalDomainInItsASCIIForm(t *testing.T) {
	t.Parallel()

	server := newMailServer(t, serverOptions{})
	settings := server.settings()
	settings.From = "Bücher <no-reply@bücher.example>"
	client, err := newSMTP(settings, "", server.trust)
	if err != nil {
		t.Fatal(err)
	}

	if err := client.send(t.Context(), sampleLetter()); err != nil {
		t.Fatal(err)
	}
	m := server.next(t)
	if m.from != "no-reply@xn--bcher-kva.example" || m.ehlo != "xn--bcher-kva.example" || m.utf8 {
		t.Errorf("%+v", m)
	}
	header, _ := parts(t, m.raw)
	if got := header.Get("From"); !strings.Contains(got, "<no-reply@xn--bcher-kva.example>") {
		t.Errorf("From: %s", got)
	}
}

func TestSMTP_saysANameThatRelaysTake(t *testing.T) {
	t.Parallel()

	for name, c := range map[string]struct{ setting, public, from, want string }{
		"the setting":             {"mx.example.net", "https://id.example.com", "a@example.com", "mx.example.net"},
		"a literal":               {"[192.0.2.1]", "https://id.example.com", "a@example.com", "[192.0.2.1]"},
		"the public address":      {"", "https://id.example.com/auth", "a@example.com", "id.example.com"},
		"with a port":             {"", "https://id.example.com:8443", "a@example.com", "id.example.com"},
		"an international one":    {"", "https://bücher.example", "a@example.com", "xn--bcher-kva.example"},
		"an address, so the From": {"", "https://192.0.2.1", "Example <a@example.com>", "example.com"},
		"this machine":            {"", "http://localhost:8080", "Example <a@example.com>", "example.com"},
		"the From":                {"", "", "Example <a@mail.example.com>", "mail.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			server := newMailServer(t, serverOptions{})
			settings := server.settings()
			settings.EHLO, settings.From = c.setting, c.from
			client, err := newSMTP(settings, c.public, server.trust)
			if err != nil {
				t.Fatal(err)
			}

			if err := client.send(t.Context(), sampleLetter()); err != nil {
				t.Fatal(err)
			}
			if m := server.next(t); m.ehlo != c.want {
				t.Errorf("EHLO %s, want %s", m.ehlo, c.want)
			}
		})
	}

	if name := ehloName(Settings{From: "webmaster@localhost"}, ""); name == "" || strings.ContainsAny(name, " \r\n_") {
		t.Errorf("without settings: %q", name)
	}
}

func TestSettings_refusesAnEHLONameThatNoServerTakes(t *testing.T) {
	t.Parallel()

	for name, valid := range map[string]bool{
		"id.example.com": true, "xn--bcher-kva.example": true, "[192.0.2.1]": true, "[IPv6:2001:db8::1]": true,
		"vm": false, "my_host.example.com": false, "192.0.2.1": false, "[2001:db8::1]": false, "[IPv6:192.0.2.1]": false, "a b.example": false,
		"id.example.com\r\nQUIT": false, "-a.example": false, "a..example": false, ".": false, "[]": false, "[192.0.2.1": false, "bücher.example": false,
	} {
		wrong := Settings{Host: "h", From: "a@example.com", EHLO: name}.Check()
		if (len(wrong) == 0) != valid {
			t.Errorf("%q: %v", name, wrong)
		}
	}
}
