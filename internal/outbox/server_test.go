package outbox

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	smtpserver "github.com/emersion/go-smtp"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// mailServer is a real SMTP server on a port of its own, which keeps what it gets.
type mailServer struct {
	host  string
	port  int
	trust *tls.Config // what a client must trust
	got   chan received

	mu       sync.Mutex
	refusals []*smtpserver.SMTPError // for the next recipients, in this order
	atMail   []*smtpserver.SMTPError // for the next senders
	sessions int
}

type received struct {
	from, to, user, ehlo string
	encrypted, utf8      bool
	raw                  []byte
}

const (
	mailUser     = "latchkey"
	mailPassword = "the mail server's password"
)

type serverOptions struct {
	noTLS, fromTheFirstByte, authenticated, utf8 bool
}

func newMailServer(t *testing.T, o serverOptions) *mailServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	certificate, pool := ownCertificate(t)
	m := &mailServer{
		host: "127.0.0.1", port: listener.Addr().(*net.TCPAddr).Port, got: make(chan received, 1000),
		trust: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
	}
	server := smtpserver.NewServer(smtpserver.BackendFunc(func(c *smtpserver.Conn) (smtpserver.Session, error) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.sessions++
		return &mailSession{server: m, conn: c, authenticated: o.authenticated}, nil
	}))
	server.Domain = "mail.example.com"
	server.EnableSMTPUTF8 = o.utf8
	server.ErrorLog = discard{}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	if !o.noTLS {
		server.TLSConfig = config
	}
	if o.fromTheFirstByte {
		listener = tls.NewListener(listener, config)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close(); _ = listener.Close(); <-done }) // Close knows no listener that Serve has not taken yet
	return m
}

type discard struct{}

func (discard) Printf(string, ...any) {}
func (discard) Println(...any)        {}

// refuse lets the next recipients be refused, one for each answer.
func (m *mailServer) refuse(answers ...*smtpserver.SMTPError) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refusals = append(m.refusals, answers...)
}

// next waits for a mail.
func (m *mailServer) next(t *testing.T) received {
	t.Helper()
	select {
	case r := <-m.got:
		return r
	case <-time.After(patience):
		t.Fatal("no mail came")
	}
	return received{}
}

// none checks that no mail is there that nobody has looked at.
func (m *mailServer) none(t *testing.T) {
	t.Helper()
	select {
	case r := <-m.got:
		t.Errorf("a mail too many:\n%s", r.raw)
	default:
	}
}

func (m *mailServer) settings() Settings {
	return Settings{Host: m.host, Port: m.port, Timeout: 5, From: "Example <no-reply@example.com>", Workers: 2, MaxAttempts: 12, PollInterval: 1}
}

type mailSession struct {
	server        *mailServer
	conn          *smtpserver.Conn
	authenticated bool // needed
	mail          received
}

func (s *mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != mailUser || password != mailPassword {
			return smtpserver.ErrAuthFailed
		}
		s.mail.user = user
		return nil
	}), nil
}

func (s *mailSession) Mail(from string, options *smtpserver.MailOptions) error {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if len(s.server.atMail) > 0 {
		answer := s.server.atMail[0]
		s.server.atMail = s.server.atMail[1:]
		return answer
	}
	if s.authenticated && s.mail.user == "" {
		return &smtpserver.SMTPError{Code: 530, Message: "authentication required"}
	}
	s.mail.from, s.mail.utf8, s.mail.ehlo = from, options.UTF8, s.conn.Hostname()
	_, s.mail.encrypted = s.conn.TLSConnectionState()
	return nil
}

func (s *mailSession) Rcpt(to string, _ *smtpserver.RcptOptions) error {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if len(s.server.refusals) > 0 {
		answer := *s.server.refusals[0]
		s.server.refusals = s.server.refusals[1:]
		answer.Message += " <" + to + ">" // as servers do
		return &answer
	}
	s.mail.to = to
	return nil
}

func (s *mailSession) Data(r io.Reader) (err error) {
	if s.mail.raw, err = io.ReadAll(r); err == nil {
		s.server.got <- s.mail
	}
	return err
}

func (s *mailSession) Reset()        { s.mail = received{user: s.mail.user} }
func (s *mailSession) Logout() error { return nil }

func ownCertificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.example.com"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}
