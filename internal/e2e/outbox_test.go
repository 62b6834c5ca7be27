package e2e

import (
	"strings"
	"testing"
	"time"
)

// A mail that nobody has said how to send is given up at once, listed without what it says
// or to whom, and sent when somebody has and asks for it.
func TestOutbox_whatCouldNotBeSentIsListedAndCanBeRetried(t *testing.T) {
	t.Parallel()
	w := start(t, links)
	w.signedIn(ada)
	given := func() int {
		return query[int](w, "SELECT count(*) FROM messages WHERE failed_at IS NOT NULL AND sent_at IS NULL")
	}
	eventually(t, 30*time.Second, "the mail is given up", func() bool { return given() == 1 })
	id := query[string](w, "SELECT id::text FROM messages")
	list := w.command("", "outbox", "list").wants(0, id, "verify_email_link", "1 given up, 0 on their way")
	if strings.Contains(list.out, ada) {
		t.Error(list.out)
	}
	w.command("", "outbox", "retry").wants(1, "name a message, or say --all")
	w.command("", "outbox", "retry", "x").wants(1, "is not an id")
	w.mails = t.TempDir()
	_, _ = w.serve(links, "LATCHKEY_MAIL_DIR="+w.mails)
	// The first server is still there, and gives it up again where it is faster than the one that
	// can send.
	eventually(t, 30*time.Second, "it is sent", func() bool {
		if given() == 1 {
			w.command("", "outbox", "retry", "--all").wants(0, "to be sent")
		}
		return query[int](w, "SELECT count(*) FROM messages WHERE sent_at IS NOT NULL AND sealed IS NULL") == 1
	})
	if l := w.letter(ada, 1); !strings.Contains(l.text, "https://app.example.com/verify/") {
		t.Error(l.text)
	}
	w.command("", "outbox", "retry", "00000000-0000-7000-8000-000000000000").wants(1, "was not given up")
}
