package server

import (
	"strings"

	"github.com/latchkey-auth/latchkey/internal/platform"
)

// undoTexts are the texts of the undo page in one language.
type undoTexts struct {
	language string

	title, lead, until           string // %s: the account; the end
	effectsTitle                 string
	effects                      []string
	earlier                      string
	button, leave                string
	doneTitle, doneLead          string // %s: the account
	doneLink, doneCode, doneNone string // %s: the address
	partly, kept                 string
	browser, unknown, from       string // %s: the network
	failedTitle                  string
	used, invalid, busy, away    string

	changes map[string]string
	other   string
}

var undoEnglish = undoTexts{
	language:     "en",
	title:        "Undo changes to your account",
	lead:         "If you did not make these changes to %s, you can undo them now.",
	until:        "You can do this until %s.",
	effectsTitle: "What happens",
	effects: []string{
		"Your email addresses, phone number, connected accounts and passkeys are restored to what they were before. Later additions are removed.",
		"Your password, authenticator app and recovery codes are removed. You set a new password next.",
		"All devices are signed out.",
	},
	earlier:     "Other changes of the 7 days before that are kept. If you did not make one of them either, open the link in the first message that you do not recognise instead: it undoes everything after it.",
	button:      "Undo the changes",
	leave:       "If you made these changes yourself, close this page. Nothing has been changed.",
	doneTitle:   "Your account is restored",
	doneLead:    "The changes to %s were undone, and all devices are signed out.",
	doneLink:    "We sent a link to %s. Open it to set a new password.",
	doneCode:    "Next, open the app and choose “Forgot password” to set a new password for %s.",
	doneNone:    "Next, open the app and sign in.",
	partly:      "Some of it was not restored, because it now belongs to another account.",
	kept:        "Earlier changes of the last 7 days were kept. If you did not make one of them either, open the link in the message about it.",
	browser:     "a browser",
	unknown:     "an unknown device",
	from:        "from %s",
	failedTitle: "This link does not work",
	used:        "It was already used, or another link has restored the account. If you cannot sign in, open the app and choose “Forgot password”.",
	invalid:     "It may have expired: undo links work for 7 days. If you cannot sign in, open the app and choose “Forgot password”.",
	busy:        "There were too many attempts from your network. Wait a minute and open the link again.",
	away:        "We cannot do this right now. Nothing has been changed. Wait a minute and open the link again.",
	other:       "A way to sign in was changed",
	changes: map[string]string{
		"email_added":              "An email address was added",
		"email_changed":            "The primary email address was changed",
		"email_confirmed":          "An email address was verified",
		"email_deleted":            "An email address was removed",
		"password_changed":         "The password was changed",
		"password_reset":           "The password was reset",
		"password_set":             "A password was set",
		"phone_added":              "A phone number was added",
		"phone_changed":            "The phone number was changed",
		"provider_connected":       "An account with another provider was connected",
		"provider_disconnected":    "An account with another provider was disconnected",
		"recovery_codes_generated": "New recovery codes were created",
		"totp_activated":           "An authenticator app was added",
		"totp_deactivated":         "The authenticator app was removed",
		"webauthn_added":           "A passkey or security key was added",
		"webauthn_removed":         "A passkey or security key was removed",
	},
}

var undoGerman = undoTexts{
	language:     "de",
	title:        "Änderungen an Ihrem Konto rückgängig machen",
	lead:         "Wenn Sie diese Änderungen an %s nicht vorgenommen haben, können Sie sie jetzt rückgängig machen.",
	until:        "Das geht bis %s.",
	effectsTitle: "Was geschieht",
	effects: []string{
		"E-Mail-Adressen, Telefonnummer, verbundene Konten und Passkeys werden wieder wie zuvor. Was danach hinzugefügt wurde, wird entfernt.",
		"Passwort, Authenticator-App und Wiederherstellungscodes werden entfernt. Danach legen Sie ein neues Passwort fest.",
		"Alle Geräte werden abgemeldet.",
	},
	earlier:     "In den 7 Tagen davor gab es weitere Änderungen. Sie bleiben. Wenn auch eine davon nicht von Ihnen ist, öffnen Sie stattdessen den Link in der ersten Nachricht, die Sie nicht kennen: Er macht auch alles Spätere rückgängig.",
	button:      "Änderungen rückgängig machen",
	leave:       "Wenn Sie das selbst waren, schließen Sie diese Seite. Es wurde nichts geändert.",
	doneTitle:   "Ihr Konto ist wiederhergestellt",
	doneLead:    "Die Änderungen an %s wurden rückgängig gemacht, und alle Geräte sind abgemeldet.",
	doneLink:    "Wir haben einen Link an %s geschickt. Öffnen Sie ihn, um ein neues Passwort festzulegen.",
	doneCode:    "Öffnen Sie als Nächstes die App und wählen Sie „Passwort vergessen“, um für %s ein neues Passwort festzulegen.",
	doneNone:    "Öffnen Sie als Nächstes die App und melden Sie sich an.",
	partly:      "Ein Teil wurde nicht wiederhergestellt, weil er inzwischen zu einem anderen Konto gehört.",
	kept:        "Frühere Änderungen der letzten 7 Tage sind geblieben. Wenn auch eine davon nicht von Ihnen ist, öffnen Sie den Link in der Nachricht darüber.",
	browser:     "ein Browser",
	unknown:     "ein unbekanntes Gerät",
	from:        "aus %s",
	failedTitle: "Dieser Link funktioniert nicht",
	used:        "Er wurde schon benutzt, oder ein anderer Link hat das Konto wiederhergestellt. Wenn Sie sich nicht anmelden können, öffnen Sie die App und wählen Sie „Passwort vergessen“.",
	invalid:     "Vielleicht ist er abgelaufen: Solche Links gelten 7 Tage. Wenn Sie sich nicht anmelden können, öffnen Sie die App und wählen Sie „Passwort vergessen“.",
	busy:        "Aus Ihrem Netz kamen zu viele Versuche. Warten Sie eine Minute und öffnen Sie den Link noch einmal.",
	away:        "Das ist gerade nicht möglich. Es wurde nichts geändert. Warten Sie eine Minute und öffnen Sie den Link noch einmal.",
	other:       "Eine Anmeldemöglichkeit wurde geändert",
	changes: map[string]string{ //nolint:gosec // names of changes
		"email_added":              "Eine E-Mail-Adresse wurde hinzugefügt",
		"email_changed":            "Die Haupt-E-Mail-Adresse wurde geändert",
		"email_confirmed":          "Eine E-Mail-Adresse wurde bestätigt",
		"email_deleted":            "Eine E-Mail-Adresse wurde entfernt",
		"password_changed":         "Das Passwort wurde geändert",
		"password_reset":           "Das Passwort wurde zurückgesetzt",
		"password_set":             "Ein Passwort wurde festgelegt",
		"phone_added":              "Eine Telefonnummer wurde hinzugefügt",
		"phone_changed":            "Die Telefonnummer wurde geändert",
		"provider_connected":       "Ein Konto bei einem anderen Anbieter wurde verbunden",
		"provider_disconnected":    "Ein Konto bei einem anderen Anbieter wurde getrennt",
		"recovery_codes_generated": "Neue Wiederherstellungscodes wurden erstellt",
		"totp_activated":           "Eine Authenticator-App wurde hinzugefügt",
		"totp_deactivated":         "Die Authenticator-App wurde entfernt",
		"webauthn_added":           "Ein Passkey oder Sicherheitsschlüssel wurde hinzugefügt",
		"webauthn_removed":         "Ein Passkey oder Sicherheitsschlüssel wurde entfernt",
	},
}

// undoTextsFor chooses the language that an Accept-Language header names first.
func undoTextsFor(preference string) undoTexts {
	for _, part := range strings.Split(strings.ToLower(preference), ",") {
		tag, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		name, _, _ := strings.Cut(tag, "-")

		switch name {
		case undoGerman.language:
			return undoGerman
		case undoEnglish.language:
			return undoEnglish
		}
	}

	return undoEnglish
}

func (t undoTexts) change(kind string) string {
	if text := t.changes[kind]; text != "" {
		return text
	}

	return t.other
}

func (t undoTexts) platform(name string) string {
	switch name {
	case platform.Browser:
		return t.browser
	case platform.Unknown:
		return t.unknown
	}

	return name
}
