package flow

import (
	"strings"
	"unicode/utf8"

	"github.com/latchkey-auth/latchkey/internal/db"
)

const hidden = "•••"

// shortened is a user as the owner of an address sees them who has opened a link outside the
// user's own sessions: enough to recognise an account of one's own, and no text that a stranger
// chose. The address that the link was mailed to is shown whole.
func shortened(u db.UserDetail, address string) db.UserDetail {
	short := db.UserDetail{ID: u.ID, HasUsablePassword: u.HasUsablePassword, Display: address}

	if u.Phone != nil {
		short.Display = shortPhone(*u.Phone)
	}
	if u.Username != nil {
		name := shortName(*u.Username)
		short.Username, short.Display = &name, name
	}
	if u.Email != nil {
		email := shortEmail(*u.Email, address)
		short.Email, short.Display = &email, email
	}
	return short
}

// shortName is the first letter of a name.
func shortName(name string) string {
	_, size := utf8.DecodeRuneInString(name)
	return name[:size] + hidden
}

// shortEmail is an address without most of its local part.
func shortEmail(email, known string) string {
	at := strings.LastIndexByte(email, '@')
	if email == known || at < 1 {
		return email
	}
	return shortName(email[:at]) + email[at:]
}

// shortPhone is the end of a number.
func shortPhone(number string) string {
	const shown = 2
	if len(number) <= shown {
		return hidden
	}
	return hidden + number[len(number)-shown:]
}
