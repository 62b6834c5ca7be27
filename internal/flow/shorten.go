package flow

import (
	"unicode/utf8"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/email"
	"github.com/latchkey-auth/latchkey/internal/phone"
)

// shortened is a user as the owner of an address sees them who has opened a link outside the
// user's own sessions: enough to recognise an account of one's own, and no text that a stranger
// chose. The address that the link was mailed to is shown whole.
func shortened(u db.UserDetail, address string) db.UserDetail {
	short := db.UserDetail{ID: u.ID, Subject: u.Subject, HasUsablePassword: u.HasUsablePassword, Display: address}

	if u.Phone != nil {
		short.Display = phone.Short(*u.Phone)
	}
	if u.Username != nil {
		name := shortName(*u.Username)
		short.Username, short.Display = &name, name
	}
	if u.Email != nil {
		shown := address
		if *u.Email != address {
			shown = email.Short(*u.Email)
		}
		short.Email, short.Display = &shown, shown
	}
	return short
}

// shortName is the first letter of a name.
func shortName(name string) string {
	_, size := utf8.DecodeRuneInString(name)
	return name[:size] + "•••"
}
