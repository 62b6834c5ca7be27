package main

import (
	"net/http"
	"time"

	"github.com/latchkey-auth/latchkey/clients/contract/totp"
)

// factors is how the person adds a second factor, signs in with it, and removes it. Where
// the address must be verified first, only the refusals are played.
var factors = []step{
	{id: "listAuthenticators", want: []int{200}, signedIn: true},
	{id: "reauthenticate", want: []int{200}, signedIn: true, body: ownPassword},
	{id: "getRecoveryCodes", want: []int{404}, signedIn: true},
	{id: "generateRecoveryCodes", want: []int{400, 404}, signedIn: true},
	{id: "getTotp", want: []int{404, 409}, signedIn: true, then: keepSecret},
	{id: "activateTotp", want: []int{400, 404}, signedIn: true, body: noCode},
	{id: "activateTotp", want: []int{200, 400}, needs: secret, signedIn: true, body: shownCode, then: keepActive},
	// Once more: the first code may have been late for its time step.
	{id: "activateTotp", want: []int{200, 409}, needs: secret, signedIn: true, body: shownCode, then: keepActive},
	{id: "getTotp", want: []int{200}, needs: factor, signedIn: true},
	{id: "listAuthenticators", want: []int{200}, needs: factor, signedIn: true},
	{id: "getRecoveryCodes", want: []int{200, 404}, needs: factor, signedIn: true, then: keepCodes},
	{id: "generateRecoveryCodes", want: []int{200}, needs: recoveryCode, signedIn: true, then: keepCodes},
	// Only so many wrong ones that five in a row are never reached. A code works once: this one
	// is used, or its time is over.
	{id: "reauthenticateBySecondFactor", want: []int{400}, needs: factor, signedIn: true, body: func(s *suite) any { return members("code", s.person.typed) }},
	{id: "reauthenticateBySecondFactor", want: []int{200}, needs: recoveryCode, signedIn: true, body: nextCode},
	{id: "reauthenticateBySecondFactor", want: []int{400}, needs: recoveryCode, signedIn: true, body: func(s *suite) any { return members("code", s.person.spent) }},
	{id: "submitSecondFactor", want: []int{401}, body: noCode},
	{id: "getSecondFactorOptions", want: []int{401}},
	{id: "login", want: []int{401}, needs: factor, person: true, body: credentials, then: keepHalf},
	{id: "getSession", want: []int{401}, needs: factor, headers: halfWay},
	{id: "getSecondFactorOptions", want: []int{200, 404}, needs: factor, headers: halfWay},
	{id: "submitSecondFactorCredential", want: []int{400, 404}, needs: factor, headers: halfWay, body: shownIn("submitSecondFactorCredential")},
	{id: "submitSecondFactor", want: []int{400}, needs: factor, headers: halfWay, body: noCode},
	{id: "submitSecondFactor", want: []int{200}, needs: recoveryCode, headers: halfWay, body: nextCode},
	{id: "submitSecondFactor", want: []int{409, 410}, needs: recoveryCode, headers: halfWay, body: noCode}, // in already
	{id: "submitSecondFactor", want: []int{409}, signedIn: true, body: noCode},
	{id: "deactivateTotp", want: []int{200}, signedIn: true},
	{id: "listAuthenticators", want: []int{200}, signedIn: true},
}

// passkeys is what can be played of WebAuthn without a security key: what is asked, and
// that an answer of nobody's key is refused. 404: this installation does not know WebAuthn,
// or has that part of it switched off.
var passkeys = []step{
	{id: "getCreationOptions", want: []int{200, 404, 409}, signedIn: true},
	{id: "addCredential", want: []int{400, 404, 409}, signedIn: true, body: shownIn("addCredential")},
	{id: "renameCredential", want: []int{400, 404}, signedIn: true, body: shownIn("renameCredential")},
	{id: "removeCredentials", want: []int{400, 404}, signedIn: true, body: shownIn("removeCredentials")},
	{id: "getReauthenticationOptions", want: []int{200, 404}, signedIn: true},
	{id: "reauthenticateByCredential", want: []int{400, 404}, signedIn: true, body: shownIn("reauthenticateByCredential")},
	{id: "getPasskeyLoginOptions", want: []int{404, 409}, signedIn: true},
	{id: "getPasskeyLoginOptions", want: []int{200, 404}, then: keepHalf},
	{id: "loginByPasskey", want: []int{400, 404}, headers: halfWay, body: shownIn("loginByPasskey")},
	{id: "signupByPasskey", body: func(*suite) any { return members("email", address()) }},
	{id: "getPasskeySignupOptions", want: []int{404, 409}},
	{id: "completePasskeySignup", want: []int{404, 409}, body: shownIn("completePasskeySignup")},
	{id: "getAppleAppSiteAssociation", want: []int{200, 404}},
	{id: "getAssetLinks", want: []int{200, 404}},
	{id: "getServerMetadata", want: []int{200, 404}}, // 404: the issuer is not an https address, or it has a path
	{id: "getChangePasswordPage", want: []int{302, 404}},
	{id: "getPasskeyPages", want: []int{200, 404}},
	{id: "getSpecificationAsAllauth", want: []int{200, 404}},
}

// secret, factor and recoveryCode are what a step needs: something to make codes with, to
// have activated it, and a recovery code that is left.
func secret(s *suite) string {
	if s.person.app == nil {
		return "no second factor can be added here (MFA_ALLOW_UNVERIFIED_EMAIL, ACCOUNT_EMAIL_VERIFICATION)"
	}
	return ""
}

func factor(s *suite) string {
	if !s.person.active {
		return "there is no second factor"
	}
	return ""
}

func recoveryCode(s *suite) string {
	if len(s.person.codes) == 0 {
		return "there is no recovery code"
	}
	return ""
}

func noCode(*suite) any { return members("code", "none") }

// shownIn is the body that the document shows for an operation.
func shownIn(id string) func(*suite) any {
	return func(s *suite) any {
		op, _ := s.find(id)
		return s.example(op)
	}
}

func halfWay(s *suite) map[string]string {
	if s.person.half == "" {
		return nil
	}
	return map[string]string{"X-Session-Token": s.person.half}
}

func keepHalf(s *suite, a answer) { s.person.half = a.text("meta", "session_token") }

// keepSecret sets the authenticator app up, by the server's clock.
func keepSecret(s *suite, a answer) {
	text := a.text("meta", "totp_url")
	if text == "" {
		return
	}
	app, err := totp.New(text)
	if err != nil {
		s.report.Mismatches = append(s.report.Mismatches, "getTotp: meta.totp_url: "+err.Error())
		return
	}
	if date, err := http.ParseTime(a.header.Get("Date")); err == nil {
		s.person.ahead = time.Until(date)
	}
	s.person.app = &app
}

func shownCode(s *suite) any {
	code := s.person.app.Code(time.Now().Add(s.person.ahead))
	if !s.person.active {
		s.person.typed = code
	}
	return members("code", code)
}

func keepActive(s *suite, a answer) { s.person.active = s.person.active || a.status == http.StatusOK }

func keepCodes(s *suite, a answer) {
	data, _ := a.object["data"].(map[string]any)
	list, _ := data["unused_codes"].([]any)
	s.person.codes = nil
	for _, entry := range list {
		if code, ok := entry.(string); ok {
			s.person.codes = append(s.person.codes, code)
		}
	}
}

func nextCode(s *suite) any {
	s.person.spent, s.person.codes = s.person.codes[0], s.person.codes[1:]
	return members("code", s.person.spent)
}
