package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/testdb"
)

// authority signs the certificates of a test.
type authority struct {
	t           testing.TB
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	file        string // its certificate, in PEM form
}

func newAuthority(t testing.TB) *authority {
	t.Helper()

	a := &authority{t: t, key: newECKey(t)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority of " + t.Name()},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.file = writePEM(t, "CERTIFICATE", der)

	return a
}

func newECKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()

	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}

	return key
}

// issue makes a certificate for 127.0.0.1, for servers and clients, and returns the files of it and its key.
func (a *authority) issue() (certificate, key string) {
	a.t.Helper()

	private := newECKey(a.t)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "127.0.0.1"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:   time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.certificate, private.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}

	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		a.t.Fatal(err)
	}

	return writePEM(a.t, "CERTIFICATE", der), writePEM(a.t, "PRIVATE KEY", encoded)
}

func writePEM(t testing.TB, kind string, der []byte) string {
	t.Helper()

	path := filepath.Join(t.TempDir(), "file.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}

	return path
}

// newTLSCollector is a collector with a certificate of an authority, which takes clients with a certificate of
// the same authority only.
func newTLSCollector(t testing.TB, a *authority) *collector {
	t.Helper()

	pair, err := tls.LoadX509KeyPair(a.issue())
	if err != nil {
		t.Fatal(err)
	}
	clients := x509.NewCertPool()
	clients.AddCert(a.certificate)

	c := &collector{}
	c.Server = httptest.NewUnstartedServer(c.handler(t))
	c.TLS = &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, ClientCAs: clients,
		ClientAuth: tls.RequireAndVerifyClientCert,
	}
	c.StartTLS()
	t.Cleanup(c.Close)

	return c
}

// TestTraces_reachACollectorThatChecksCertificates: both sides show a certificate of one authority, which no
// system knows.
func TestTraces_reachACollectorThatChecksCertificates(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	c := newTLSCollector(t, a)
	certificate, key := a.issue()

	settings := append(c.settings(), "OTEL_EXPORTER_OTLP_CERTIFICATE="+a.file)

	p := served(t, testdb.New(t), slices.Concat(settings, []string{
		"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=" + certificate, "OTEL_EXPORTER_OTLP_CLIENT_KEY=" + key,
	})...).serving(t)
	p.call("GET", configPath, "").wants(200)
	c.named(t, "getConfig", 1)

	// Without a certificate of its own, or without the authority's, nothing arrives.
	for name, fewer := range map[string][]string{"no client certificate": settings, "no authority": c.settings()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := slices.Concat(fewer, []string{opsAnyPort, "OTEL_BSP_EXPORT_TIMEOUT=200"})
			p := served(t, testdb.New(t), settings...).serving(t)
			addr := p.opsAddr()
			p.call("GET", jwksPath, "").wants(200)

			p.until(10*time.Second, "a span failed", func() bool {
				_, body := ask(t, addr, "/metrics")

				return strings.Contains(body, `latchkey_trace_spans_total{result="failed"} 1`)
			})
		})
	}
}
