package outbox

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const webhookSecret = "a secret of thirty-two characters"

func newWebhook(t *testing.T, h http.HandlerFunc) (sender, string) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return newTexter(Parts{Settings: Settings{SMSWebhook: server.URL + "/sms", SMSSecret: webhookSecret, Timeout: 5}}), server.URL
}

func sampleText() letter {
	return letter{id: sampleID, at: time.Unix(1_800_000_000, 0), to: "+4915112345678", text: "Your code is\n\n123456\n"}
}

// verify does what docs/settings.md tells a receiver to do.
func verify(signature string, body []byte) error {
	seconds, mac, _ := strings.Cut(strings.TrimPrefix(signature, "t="), ",v1=")
	if _, err := strconv.ParseInt(seconds, 10, 64); err != nil {
		return err
	}
	want := hmac.New(sha256.New, []byte(webhookSecret))
	_, _ = fmt.Fprintf(want, "%s.%s", seconds, body)
	got, err := hex.DecodeString(mac)
	if err != nil || !hmac.Equal(got, want.Sum(nil)) {
		return fmt.Errorf("signature %q: %w", signature, err)
	}
	return nil
}

func TestWebhook_postsASignedText(t *testing.T) {
	t.Parallel()
	got := make(chan []byte, 1)
	hook, _ := newWebhook(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if err := verify(r.Header.Get("Latchkey-Signature"), body); err != nil || r.Method != http.MethodPost || r.URL.Path != "/sms" || r.Header.Get("Content-Type") != "application/json" {
			t.Error(err, r.Method, r.URL)
		}
		if verify(strings.Replace(r.Header.Get("Latchkey-Signature"), "t=18", "t=19", 1), body) == nil || verify(r.Header.Get("Latchkey-Signature"), append(body, ' ')) == nil {
			t.Error("time or body are not signed")
		}
		got <- body
		w.WriteHeader(http.StatusAccepted)
	})
	if err := hook.send(t.Context(), sampleText()); err != nil {
		t.Fatal(err)
	}
	var body map[string]string
	if err := json.Unmarshal(<-got, &body); err != nil {
		t.Fatal(err)
	}
	if len(body) != 3 || body["id"] != sampleID.String() || body["to"] != "+4915112345678" || body["text"] != sampleText().text {
		t.Errorf("%q", body)
	}
}

func TestWebhook_onlyAnAnswerAboutTheTextIsForGood(t *testing.T) {
	t.Parallel()
	var status atomic.Int64
	hook, _ := newWebhook(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(status.Load())) })
	for number, hopeless := range map[int]bool{400: true, 422: true, 401: false, 403: false, 404: false, 408: false, 429: false, 500: false, 503: false} {
		status.Store(int64(number))
		if f := faultOf(t, hook.send(t.Context(), sampleText())); f.hopeless != hopeless || f.code != fmt.Sprintf("webhook_%d", number) {
			t.Errorf("%d: %+v", number, f)
		}
	}
}

func TestWebhook_goesNowhereElse(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the text was sent on") }))
	t.Cleanup(elsewhere.Close)
	hook, _ := newWebhook(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	})
	if f := faultOf(t, hook.send(t.Context(), sampleText())); f.code != "webhook_307" || f.hopeless {
		t.Errorf("%+v", f)
	}
	away := newTexter(Parts{Settings: Settings{SMSWebhook: "http://user:hidden@127.0.0.1:1/", SMSSecret: webhookSecret, Timeout: 5}})
	if f := faultOf(t, away.send(t.Context(), sampleText())); f.code != "webhook_no_connection" || f.hopeless || f.cause != nil {
		t.Errorf("%+v", f)
	}
}

func TestNewTexter_picksWhatTheSettingsSay(t *testing.T) {
	t.Parallel()
	for _, s := range []Settings{{SMS: "console"}, {Sender: "console"}, {SMS: "console", SMSWebhook: "https://example.com"}} {
		var printed bytes.Buffer
		if err := newTexter(Parts{Settings: s, Console: &printed}).send(t.Context(), sampleText()); err != nil || printed.String() != "\n--- text to +4915112345678\nYour code is\n\n123456\n---\n" {
			t.Errorf("%+v: %q %v", s, printed.String(), err)
		}
	}
	for _, s := range []Settings{{}, {SMS: "none", SMSWebhook: "https://example.com"}} {
		if f := faultOf(t, newTexter(Parts{Settings: s}).send(t.Context(), sampleText())); f.code != "no_sender" || !f.hopeless {
			t.Errorf("%+v: %+v", s, f)
		}
	}
}
