package config

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// allauth's settings that have another name here, or that allauth has replaced by others. Each
// takes effect where the setting that it becomes is not set.
const (
	authenticationMethod = "ACCOUNT_AUTHENTICATION_METHOD"
	emailRequired        = "ACCOUNT_EMAIL_REQUIRED"
	usernameRequired     = "ACCOUNT_USERNAME_REQUIRED"
	emailTwice           = "ACCOUNT_SIGNUP_EMAIL_ENTER_TWICE"
	passwordTwice        = "ACCOUNT_SIGNUP_PASSWORD_ENTER_TWICE"
	passwordMinLength    = "ACCOUNT_PASSWORD_MIN_LENGTH"
	attemptsLimit        = "ACCOUNT_LOGIN_ATTEMPTS_LIMIT"
	attemptsTimeout      = "ACCOUNT_LOGIN_ATTEMPTS_TIMEOUT"
	factorRates          = "MFA_RATE_LIMITS"

	loginMethods = "ACCOUNT_LOGIN_METHODS"
	signupFields = "ACCOUNT_SIGNUP_FIELDS"
	minLength    = "LATCHKEY_PASSWORD_MIN_LENGTH"
	rateLimits   = "ACCOUNT_RATE_LIMITS"
)

// translated are the settings that translate knows.
var translated = []string{
	authenticationMethod, emailRequired, usernameRequired, emailTwice, passwordTwice, passwordMinLength, attemptsLimit, attemptsTimeout, factorRates,
}

// shortestPassword is the least that LATCHKEY_PASSWORD_MIN_LENGTH takes.
const shortestPassword = 8

// translation makes an environment with our names of one with allauth's.
type translation struct {
	env      Environment
	problems []error
	warnings []string
}

// translate returns the environment with allauth's other settings under our names, what is wrong
// with them, and what they do not change.
func translate(env Environment) translation {
	t := translation{env: maps.Clone(env)}
	t.nothings()
	t.methods()
	t.fields()
	t.password()
	t.attempts()
	t.factors()

	return t
}

// nothings unsets what is None in Python, as Django's settings write that there is nothing. Some defaults of
// allauth are None; as a text it would be the prefix of each subject. Without a limit of attempts allauth
// counts none.
func (t *translation) nothings() {
	for name, value := range t.env {
		isOurs := strings.HasPrefix(name, "LATCHKEY_")

		isChoice := name == "ACCOUNT_EMAIL_VERIFICATION" // where none is a value
		switch {
		case strings.TrimSpace(value) != "None" || isOurs || isChoice:
		case name == attemptsLimit:
			t.env[name] = "0"
		default:
			t.env[name] = ""
		}
	}
}

// given returns a setting of allauth's, and reports whether it is set and decides: what is set
// under our name goes before it.
func (t *translation) given(name, ours string) (string, bool) {
	text := strings.TrimSpace(t.env[name])
	if text == "" {
		return "", false
	}

	if t.env[ours] != "" {
		t.warnings = append(t.warnings, fmt.Sprintf("%s has no effect: %s is set", name, ours))
		return "", false
	}

	return text, true
}

func (t *translation) refuse(name, format string, values ...any) {
	t.problems = append(t.problems, fmt.Errorf(name+": "+format, values...))
}

func (t *translation) methods() {
	text, ok := t.given(authenticationMethod, loginMethods)
	if !ok {
		return
	}

	methods, known := map[string]string{"email": "email", "username": "username", "username_email": "username,email"}[strings.ToLower(text)]
	if !known {
		t.refuse(authenticationMethod, "want email, username or username_email")
		return
	}

	t.env[loginMethods] = methods
}

func (t *translation) fields() {
	set := false
	truth := func(name string, otherwise bool) bool {
		text, ok := t.given(name, signupFields)
		if !ok {
			return otherwise
		}

		set = true

		value, err := parseBool(text)
		if err != nil {
			t.refuse(name, "%w", err)
		}

		return value
	}

	email := "email"
	if truth(emailRequired, true) {
		email = "email*"
	}

	list := []string{email}
	if truth(emailTwice, false) {
		list = append(list, "email2*")
	}

	if truth(usernameRequired, false) {
		list = append(list, "username*")
	}

	list = append(list, "password1*")
	if truth(passwordTwice, false) {
		list = append(list, "password2*")
	}

	if set {
		t.env[signupFields] = strings.Join(list, ",")
	}
}

func (t *translation) password() {
	text, ok := t.given(passwordMinLength, minLength)
	if !ok {
		return
	}

	n, err := strconv.Atoi(text)
	switch {
	case err != nil || n < 0 || n > 128:
		t.refuse(passwordMinLength, "want a whole number from 0 to 128")
	case n < shortestPassword:
		t.warnings = append(t.warnings, fmt.Sprintf("%s: %d is too short; passwords have at least %d characters", passwordMinLength, n, shortestPassword))
	default:
		t.env[minLength] = text
	}
}

// attempts makes the rate of failed sign-ins of one account.
func (t *translation) attempts() {
	limit, timeout := strings.TrimSpace(t.env[attemptsLimit]), strings.TrimSpace(t.env[attemptsTimeout])
	if limit == "" && timeout == "" {
		return
	}

	n, err1 := strconv.Atoi(cmp.Or(limit, "5"))
	seconds, err2 := strconv.Atoi(cmp.Or(timeout, "300"))

	if err1 != nil || n < 0 || n > 999999 {
		t.refuse(attemptsLimit, "want a whole number from 0 to 999999")
	}

	if err2 != nil || seconds < 1 || seconds > 9999*60 {
		t.refuse(attemptsTimeout, "want seconds, at most %d", 9999*60)
	}

	if len(t.problems) > 0 {
		return
	}

	rate := "10/m/ip"
	if n > 0 { // none in allauth
		rate += fmt.Sprintf(",%d/%s/key", n, period(seconds))
	}

	t.rates(map[string]any{"login_failed": rate}, attemptsLimit)
}

// period writes seconds as a rate has them: four digits and a unit.
func period(seconds int) string {
	if seconds <= 9999 {
		return strconv.Itoa(seconds) + "s"
	}

	return strconv.Itoa((seconds+59)/60) + "m"
}

// factors makes the rates of second factors. allauth calls the user the key of these.
func (t *translation) factors() {
	text := strings.TrimSpace(t.env[factorRates])
	if text == "" || strings.EqualFold(text, "true") {
		return
	}

	own := []string{"mfa_failed", "mfa_failed_device", "webauthn_login", "webauthn_options", "webauthn_add"}

	given := map[string]any{}
	if strings.EqualFold(text, "false") {
		for _, name := range own {
			given[name] = false
		}
	} else if err := json.Unmarshal([]byte(text), &given); err != nil {
		t.refuse(factorRates, "want true, false, or a JSON object")
		return
	}

	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(own, name) {
			t.refuse(factorRates, "%q is not an action; allowed: %s", name, strings.Join(own, ", "))
			return
		}

		if rate, ok := given[name].(string); ok {
			given[name] = strings.ReplaceAll(rate, "/key", "/user")
		}
	}

	t.rates(given, factorRates)
}

// rates adds rates to ACCOUNT_RATE_LIMITS. What that setting says of an action goes before them.
func (t *translation) rates(more map[string]any, name string) {
	all := map[string]any{}

	text := strings.TrimSpace(t.env[rateLimits])
	switch {
	case strings.EqualFold(text, "false"):
		t.warnings = append(t.warnings, fmt.Sprintf("%s has no effect: %s is false", name, rateLimits))
		return
	case text == "" || strings.EqualFold(text, "true"):
	default:
		if json.Unmarshal([]byte(text), &all) != nil {
			return // ACCOUNT_RATE_LIMITS is refused for itself
		}
	}

	for action, rate := range more {
		if _, said := all[action]; said {
			t.warnings = append(t.warnings, fmt.Sprintf("%s has no effect: %s names %s", name, rateLimits, action))
			continue
		}

		all[action] = rate
	}

	merged, _ := json.Marshal(all)
	t.env[rateLimits] = string(merged)
}
