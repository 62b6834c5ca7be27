package flow

import (
	"testing"

	"github.com/latchkey-auth/latchkey/internal/db"
)

func TestShortened_showsNothingThatSomebodyElseChose(t *testing.T) {
	t.Parallel()
	text := func(s string) *string { return &s }

	for name, row := range map[string]struct {
		user                     db.UserDetail
		display, email, username string
	}{
		"the address itself":  {db.UserDetail{Display: "Secure it: https://evil.example", Email: text("carol@corp.test")}, "carol@corp.test", "carol@corp.test", ""},
		"another address":     {db.UserDetail{Display: "x", Email: text("mallory@evil.test")}, "m•••@evil.test", "m•••@evil.test", ""},
		"a user name":         {db.UserDetail{Display: "x", Username: text("https://evil.example")}, "h•••", "", "h•••"},
		"a name in Greek":     {db.UserDetail{Display: "x", Username: text("ώρα")}, "ώ•••", "", "ώ•••"},
		"a number":            {db.UserDetail{Display: "x", Phone: text("+31612345678")}, "•••78", "", ""},
		"nothing":             {db.UserDetail{Display: "x"}, "carol@corp.test", "", ""},
		"a name and an email": {db.UserDetail{Display: "x", Username: text("mallory"), Email: text("mallory@evil.test")}, "m•••@evil.test", "m•••@evil.test", "m•••"},
	} {
		got := shortened(row.user, "carol@corp.test")
		email, username := "", ""
		if got.Email != nil {
			email = *got.Email
		}
		if got.Username != nil {
			username = *got.Username
		}
		if got.Display != row.display || email != row.email || username != row.username {
			t.Errorf("%s: %q %q %q", name, got.Display, email, username)
		}
	}
}
