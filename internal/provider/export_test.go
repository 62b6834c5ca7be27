package provider

import (
	"net/http"
	"time"
)

// SetKeysTimeout keeps a test of a provider that does not answer short.
func (p *Providers) SetKeysTimeout(d time.Duration) { p.web.timeout = d }

// Secret is the client secret of an app, for a look at what Apple gets.
func (p *Providers) Secret(id, clientID string) (string, error) {
	app, _ := p.Find(id, clientID)
	return app.signer.secret(clientID, p.now())
}

// NonceForms are the forms in which a token may show a nonce.
var NonceForms = nonceForms

// SetTransport lets a test's own certificate pass.
func (p *Providers) SetTransport(t http.RoundTripper) { p.web.client.Transport = t }
