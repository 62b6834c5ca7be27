package outbox

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"
)

// newTexter returns the way that texts go to phones.
func newTexter(parts Parts) sender {
	s := parts.Settings
	switch s.texter() {
	case "webhook":
		return &webhook{url: s.SMSWebhook, secret: []byte(s.SMSSecret), client: &http.Client{
			Timeout:       time.Duration(s.Timeout) * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the text is for that place alone
		}}
	case "console":
		return &console{out: parts.Console}
	}
	return nowhere{}
}

// webhook posts texts to the operator's gateway, signed: Latchkey-Signature is
// t=SECONDS,v1=HEX, the HMAC-SHA256 of "SECONDS.BODY".
type webhook struct {
	url    string
	secret []byte
	client *http.Client
}

func (w *webhook) send(ctx context.Context, l letter) error {
	body, err := json.Marshal(map[string]string{"id": l.id.String(), "to": l.to, "text": l.text})
	if err != nil {
		return never("webhook", nil)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return never("webhook", nil)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", l.id.String())
	r.Header.Set("Latchkey-Signature", w.sign(strconv.FormatInt(l.at.Unix(), 10), body))
	answer, err := w.client.Do(r)
	if err != nil {
		return later("webhook_no_connection", nil) // the library's own text shows the address, and what is secret in it
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // so that the connection can be used again
	_ = answer.Body.Close()
	switch {
	case answer.StatusCode >= 200 && answer.StatusCode < 300:
		return nil
	case answer.StatusCode == http.StatusBadRequest || answer.StatusCode == http.StatusUnprocessableEntity:
		return answered("webhook", answer.StatusCode, true) // it speaks of this text; other answers may speak of us
	}
	return answered("webhook", answer.StatusCode, false)
}

func (w *webhook) sign(seconds string, body []byte) string {
	mac := hmac.New(sha256.New, w.secret)
	_, _ = mac.Write(append([]byte(seconds+"."), body...))
	return "t=" + seconds + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}
