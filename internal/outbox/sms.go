package outbox

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/latchkey-auth/latchkey/internal/webhook"
)

// newTexter returns the way that texts go to phones.
func newTexter(parts Parts) sender {
	s := parts.Settings
	switch s.texter() {
	case "webhook":
		return &gateway{hook: webhook.New(s.SMSWebhook, s.SMSSecret, time.Duration(s.Timeout)*time.Second)}
	case "console":
		return &console{out: parts.Console}
	}

	return nowhere{}
}

// maxGatewayAnswer is how many bytes of an answer are read. None of them mean anything here.
const maxGatewayAnswer = 64 << 10

// gateway posts texts to the operator's gateway, signed.
type gateway struct{ hook *webhook.Hook }

func (g *gateway) send(ctx context.Context, l letter) error {
	body, err := json.Marshal(map[string]string{"id": l.id.String(), "to": l.to, "text": l.text})
	if err != nil {
		return never("webhook", nil)
	}

	request := webhook.Request{Body: body, At: l.at, Key: l.id.String(), MaxAnswer: maxGatewayAnswer}
	answer, err := g.hook.Post(ctx, request)
	gotNone := err != nil && answer.Status == 0

	isTaken := answer.Status >= http.StatusOK && answer.Status < http.StatusMultipleChoices // whatever else it says
	switch {
	case gotNone:
		return later("webhook_no_connection", nil)
	case isTaken:
		return nil
	case answer.Status == http.StatusBadRequest || answer.Status == http.StatusUnprocessableEntity:
		return answered("webhook", answer.Status, true) // it speaks of this text; other answers may speak of us
	}

	return answered("webhook", answer.Status, false)
}
