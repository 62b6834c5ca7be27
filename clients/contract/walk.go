package main

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// step is a call of an operation as a well-behaved client makes it.
type step struct {
	id   string
	want []int // none: any documented status
	// signedIn sends the person's access token; person means without it. Where nobody could
	// be signed in, neither is played.
	signedIn, person bool
	// needs says why a step cannot be played here; "" where it can.
	needs   func(*suite) string
	before  func(context.Context, *suite) error // an error means that nothing could be asked
	body    func(*suite) any
	headers func(*suite) map[string]string
	then    func(*suite, answer)
}

// successes are the statuses other than 2xx that mean that an operation has done what it
// is for, or all that it can do for somebody who cannot read the mail, or who has no
// security key: for the operations of WebAuthn, that they refuse an answer of none.
var successes = map[string][]int{
	"endSession":                     {401},
	"requestLoginCode":               {401, 404}, // 404: this installation has it switched off
	"requestPasswordReset":           {401},
	"resendEmailAddressVerification": {403}, // mailed a moment ago
	"confirmLoginCode":               {400, 404, 409},
	"resendLoginCode":                {404, 409},
	"getEmailVerification":           {400, 409},
	"verifyEmail":                    {400, 409},
	"resendEmailVerification":        {409},
	"getPasswordReset":               {400, 409},
	"resetPassword":                  {400, 409},
	"rejectEmailVerification":        {400},
	"confirmReauthenticationCode":    {400},
	"getAccountUndo":                 {400},
	"undoAccountChanges":             {400},
	"verifyPhone":                    {400, 409},
	"resendPhoneVerification":        {409},

	"getAppleAppSiteAssociation":   {404}, // this installation names no apps
	"getAssetLinks":                {404},
	"getServerMetadata":            {404}, // the issuer of this installation is not an https address
	"getChangePasswordPage":        {404}, // it names no such pages
	"getPasskeyPages":              {404},
	"getSpecificationAsAllauth":    {404},      // switched off
	"submitSecondFactorCredential": {400, 404}, // 404: this installation does not know WebAuthn, or has it switched off
	"reauthenticateByCredential":   {400, 404},
	"addCredential":                {400, 404},
	"renameCredential":             {400, 404},
	"removeCredentials":            {400, 404},
	"getPasskeyLoginOptions":       {404},
	"loginByPasskey":               {400, 404},
	"signupByPasskey":              {401, 404},
	"getPasskeySignupOptions":      {409, 404},
	"completePasskeySignup":        {409, 404},
}

func members(pairs ...any) map[string]any {
	m := map[string]any{}
	for n := 0; n+1 < len(pairs); n += 2 {
		m[pairs[n].(string)] = pairs[n+1]
	}
	return m
}

func credentials(s *suite) any {
	return members("email", s.person.email, "password", s.person.password)
}

func ownPassword(s *suite) any { return members("password", s.person.password) }

func email(s *suite) any { return members("email", s.person.email) }

func wrongCode(*suite) any { return members("code", "BCDF-GHJK") }

func keep(s *suite, a answer) {
	s.person.access, s.person.refresh = a.text("meta", "access_token"), a.text("meta", "refresh_token")
	s.person.session, s.person.key = a.text("meta", "session_token"), random(16)
	if s.person.access == "" {
		s.note("signup", "this server asks for more than a password to sign up (status %d), so nobody could be signed in", a.status)
	}
}

// followReplacement notes that the added address has replaced the person's own: an account that
// has verified nothing has one address.
func followReplacement(s *suite, a answer) {
	list, _ := a.object["data"].([]any)
	if a.status == http.StatusOK && len(list) == 1 {
		s.person.email = s.person.added
	}
}

// first makes the person whom all other calls need.
var first = []step{
	{id: "getConfig", want: []int{200}, then: keepProvider},
	{id: "signup", want: []int{200, 401}, body: credentials, then: keep},
}

// middle is the life of that person. A step names an operation; one that the document does
// not have is passed over.
var middle = []step{
	{id: "getKeySet", want: []int{200}},
	{id: "getSpecification", want: []int{200}},
	{id: "getSession", want: []int{401}},
	{id: "getSession", want: []int{200}, signedIn: true},
	{id: "getSession", want: []int{200}, signedIn: true, headers: func(s *suite) map[string]string {
		return map[string]string{"X-Session-Token": s.person.session}
	}},
	{id: "login", want: []int{409}, signedIn: true, body: credentials},
	{id: "login", want: []int{400}, person: true, body: func(s *suite) any { return members("email", s.person.email, "password", "not this one") }},
	{id: "login", want: []int{200}, person: true, body: credentials, then: func(s *suite, a answer) { s.person.second = a.text("meta", "access_token") }},
	{id: "getProfile", want: []int{200}, signedIn: true},
	{id: "updateProfile", want: []int{200}, signedIn: true, body: func(*suite) any { return members("display", "Contract") }},
	{id: "listSessions", want: []int{200}, signedIn: true, then: keepSecond},
	{id: "endSession", want: []int{401}, person: true, headers: func(s *suite) map[string]string {
		return map[string]string{"Authorization": "Bearer " + s.person.second}
	}},
	{id: "endSessions", want: []int{400}, signedIn: true, body: func(s *suite) any { return members("sessions", []any{s.person.sessionID}) }},
	{id: "login", want: []int{200}, person: true, body: credentials},
	{id: "listSessions", want: []int{200}, signedIn: true, then: keepSecond},
	{id: "endSessions", want: []int{200}, signedIn: true, body: func(s *suite) any { return members("sessions", []any{s.person.sessionID}) }},
	{id: "exchangeSessionToken", want: []int{200}, person: true, headers: exchangeHeaders, then: repeat},
	{id: "exchangeSessionToken", want: []int{200}, person: true, headers: exchangeHeaders, then: keepPair("meta")},
	{id: "refreshToken", want: []int{200}, signedIn: true, body: refreshBody("refresh"), headers: keyHeader, then: repeat},
	{id: "refreshToken", want: []int{200}, signedIn: true, body: refreshBody("refresh"), headers: keyHeader, then: keepPair("meta")},
	{id: "refreshTokenPair", want: []int{200}, signedIn: true, body: refreshBody("refresh_token"), headers: keyHeader, then: keepPair("data")},
	{id: "refreshToken", want: []int{400}, body: func(*suite) any { return members("refresh", "not.a.token") }},
	{id: "listEmailAddresses", want: []int{200}, signedIn: true},
	{id: "addEmailAddress", signedIn: true, body: func(s *suite) any { s.person.added = address(); return members("email", s.person.added) }, then: followReplacement},
	{id: "resendEmailAddressVerification", want: []int{200, 403}, signedIn: true, body: func(s *suite) any { return members("email", s.person.added) }},
	{id: "removeEmailAddress", want: []int{200, 400}, signedIn: true, body: func(s *suite) any { return members("email", s.person.added) }},
	{id: "changePrimaryEmailAddress", want: []int{200, 400}, signedIn: true, body: func(s *suite) any { return members("email", s.person.email, "primary", true) }},
	{id: "getPhoneNumber", want: []int{200}, signedIn: true},
	{id: "reauthenticate", want: []int{200}, signedIn: true, body: ownPassword},
	{id: "changePassword", want: []int{200}, signedIn: true, body: newPassword, then: func(s *suite, a answer) { s.person.session = a.text("meta", "session_token") }},
	{id: "exportAccount", want: []int{200}, signedIn: true},
	{id: "requestLoginCode", body: email},
	{id: "confirmLoginCode", want: []int{400, 404, 409}, body: wrongCode},
	{id: "requestPasswordReset", want: []int{200, 401}, body: email},
	{id: "getPasswordReset", want: []int{400, 409}, headers: func(*suite) map[string]string { return map[string]string{"X-Password-Reset-Key": "1-2-3"} }},
	{id: "resetPassword", want: []int{400, 409}, body: func(*suite) any { return members("key", "BCDF-GHJK", "password", "another "+random(8)) }},
	{id: "getEmailVerification", want: []int{400, 409}, headers: func(*suite) map[string]string {
		return map[string]string{"X-Email-Verification-Key": "BCDF-GHJK"}
	}},
	{id: "verifyEmail", want: []int{400, 409}, body: func(*suite) any { return members("key", "BCDF-GHJK") }},
	{id: "verifyPhone", want: []int{400, 409}, body: wrongCode},
}

// last is how the person leaves.
var last = []step{
	{id: "reauthenticate", want: []int{200}, signedIn: true, body: ownPassword},
	{id: "deleteAccount", want: []int{200}, signedIn: true},
	{id: "deleteAccount", want: []int{200}, needs: guest(0), headers: asGuest(0)},
	{id: "deleteAccount", want: []int{200}, needs: guest(1), headers: asGuest(1)},
	{id: "getSession", want: []int{401}, headers: (*suite).signedIn},
}

// lists are all steps that we know, in the order in which they are played.
var lists = [][]step{first, middle, factors, passkeys, providers, mailed, last}

// knows reports whether a step of ours plays an operation.
func knows(id string) bool {
	return slices.ContainsFunc(slices.Concat(lists...), func(st step) bool { return st.id == id })
}

// others are the operations that no step of ours knows yet: as the signed-in person, with
// the document's own example. Any answer that is documented is right.
func (s *suite) others() []step {
	var steps []step
	for _, op := range s.ops {
		if knows(op.id) {
			continue
		}
		st := step{id: op.id, headers: (*suite).signedIn}
		if schema, _ := op.body(); schema != nil {
			st.body = func(s *suite) any { return s.example(op) }
		}
		steps = append(steps, st)
	}
	return steps
}

func (s *suite) walk(ctx context.Context, steps []step) error {
	for _, st := range steps {
		op, ok := s.find(st.id)
		if !ok {
			continue
		}

		if (st.signedIn || st.person) && s.person.access == "" {
			s.note(st.id, "nobody could be signed in")
			continue
		}

		if st.needs != nil {
			if why := st.needs(s); why != "" {
				s.note(st.id, "%s", why)
				continue
			}
		}

		if err := s.step(ctx, op, st); err != nil {
			return err
		}
	}
	return nil
}

func (s *suite) step(ctx context.Context, op operation, st step) error {
	if st.before != nil {
		if err := st.before(ctx, s); err != nil {
			return err
		}
	}

	c := call{op: op, why: "in the walk", want: st.want}
	if st.signedIn {
		c.headers = s.signedIn()
	}
	if st.body != nil {
		text, err := json.Marshal(st.body(s))
		if err != nil {
			return err
		}
		c.body = text
	}
	if st.headers != nil {
		c.headers = st.headers(s)
	}

	a, err := s.send(ctx, c)
	if err == nil && st.then != nil {
		st.then(s, a)
	}
	return err
}

// keepSecond remembers the session of the person that is not this client's.
func keepSecond(s *suite, a answer) {
	list, _ := a.object["data"].([]any)
	for _, entry := range list {
		if r, ok := entry.(map[string]any); ok && r["is_current"] == false {
			s.person.sessionID = r["id"]
			return
		}
	}
	if s.person.sessionID == nil {
		s.person.sessionID = 1
	}
}

func refreshBody(name string) func(*suite) any {
	return func(s *suite) any { return members(name, s.person.refresh) }
}

func keyHeader(s *suite) map[string]string {
	return map[string]string{"Idempotency-Key": s.person.key}
}

// exchangeHeaders carry the session token. The key is that of the pair which the exchange spends.
func exchangeHeaders(s *suite) map[string]string {
	return map[string]string{"X-Session-Token": s.person.session, "Idempotency-Key": s.person.key}
}

// repeat: the answer is taken for lost. The step after it asks again with the same token
// and the same key, and must get the same successor.
func repeat(s *suite, a answer) { s.report.successor = successor(a.text("meta", "refresh_token")) }

// successor is what makes two refresh tokens the same: their claims, as each signature of
// ES256 is another one.
func successor(refresh string) string {
	if parts := strings.Split(refresh, "."); len(parts) == 3 {
		return parts[1]
	}
	return refresh
}

func keepPair(section string) func(*suite, answer) {
	return func(s *suite, a answer) {
		if section == "meta" && successor(a.text(section, "refresh_token")) != s.report.successor {
			s.report.Mismatches = append(s.report.Mismatches, "refreshToken: a repeated call with the same Idempotency-Key got another successor")
		}
		if access := a.text(section, "access_token"); access != "" {
			s.person.access = access
		}
		if refresh := a.text(section, "refresh_token"); refresh != "" {
			s.person.refresh, s.person.key = refresh, random(16)
		}
	}
}

func newPassword(s *suite) any {
	old := s.person.password
	s.person.password = "another long enough " + random(8)
	return members("current_password", old, "new_password", s.person.password)
}
