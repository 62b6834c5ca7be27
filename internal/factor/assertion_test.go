package factor

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/softkey"
)

// SEC-61, SEC-63, SEC-64.
func TestAssertion_whatIsRefused(t *testing.T) {
	t.Parallel()
	f := keys(t)
	for name, c := range map[string]struct {
		habit  softkey.Habit
		reason string
	}{
		"forged":                     {softkey.Tampered, "not signed"},
		"for another domain":         {softkey.RPID("evil.example"), "another service"},
		"nobody present":             {softkey.NoUP, "another service"},
		"of somebody else":           {softkey.UserHandle(NewHandle()), ""},
		"backed up but not eligible": {softkey.Backup(false, true), "backup flags"},
	} {
		u, k := person(), softkey.New(origin)
		must[Credential](t)(register(t, f, &u, k, true))
		_, err := assert(t, f, u, k.With(c.habit))
		refused(t, name, err, c.reason)
		_, err = signIn(t, f, u, k.With(c.habit))
		refused(t, name+", sign-in", err, c.reason)
	}
}

func TestAssertion_userVerificationIsAsSet(t *testing.T) {
	t.Parallel()
	for verification, passes := range map[string]bool{"preferred": true, "discouraged": true, "required": false} {
		f := keys(t, func(s *Settings) { s.UserVerification = verification })
		u, k := person(), softkey.New(origin)
		must[Credential](t)(register(t, f, &u, k, true))
		a, err := assert(t, f, u, k.With(softkey.NoUV))
		if passes != (err == nil) || a.UserVerified {
			t.Errorf("%s: %+v, %v", verification, a, err)
		}
		// A sign-in is verified whatever the setting says.
		_, err = signIn(t, f, u, k.With(softkey.NoUV))
		refused(t, verification+", sign-in", err, "unverified")
		options, c, _ := f.StartAssertion(nil, start)
		c.Verify = false // and whatever was kept
		_, err = f.FinishPasskey(c, finder(u), k.With(softkey.NoUV).Assert(options), start)
		refused(t, verification+", sign-in with a spoilt ceremony", err, "unverified")
	}
}

// SEC-63: once either counter is not 0, it must grow.
func TestAssertion_theCounterGrowsOrIsAlwaysZero(t *testing.T) {
	t.Parallel()
	f := keys(t)
	for _, c := range []struct {
		stored, next uint32
		passes       bool
	}{{0, 0, true}, {0, 1, true}, {1, 2, true}, {5, 900, true}, {1, 0, false}, {1, 1, false}, {5, 4, false}, {1 << 31, 1<<31 - 1, false}, {1<<32 - 1, 0, false}, {1<<32 - 2, 1<<32 - 1, true}} {
		u, k := person(), softkey.New(origin)
		must[Credential](t)(register(t, f, &u, k, true))
		u.Credentials[0].SignCount = c.stored
		for way, prove := range map[string]func(testing.TB, *Factors, WebAuthnUser, *softkey.Key) (Asserted, error){"second factor": assert, "sign-in": signIn} {
			a, err := prove(t, f, u, k.With(softkey.Counter(c.next)))
			if c.passes && (err != nil || a.NewSignCount != c.next) {
				t.Errorf("%s, %d to %d: %v", way, c.stored, c.next, err)
			}
			if !c.passes && (!errors.Is(err, ErrCounter) || !errors.Is(err, ErrIncorrect)) {
				t.Errorf("%s, %d to %d: %v", way, c.stored, c.next, err)
			}
			// A bad signature is no copied key.
			_, err = prove(t, f, u, k.With(softkey.Counter(c.next), softkey.Tampered))
			if errors.Is(err, ErrCounter) || !errors.Is(err, ErrIncorrect) {
				t.Errorf("%s, %d to %d, forged: %v", way, c.stored, c.next, err)
			}
		}
	}
}

// SEC-63: one documented rule. Keys that were bound to a device become synchronised when
// their maker turns that on.
func TestAssertion_aKeyMayBecomeEligibleForBackupAndNeverCease(t *testing.T) {
	t.Parallel()
	f := keys(t)
	for _, c := range []struct{ was, is, backedUp, passes bool }{
		{false, false, false, true},
		{false, true, false, true},
		{false, true, true, true},
		{true, true, false, true},
		{true, true, true, true},
		{true, false, false, false},
		{false, false, true, false},
		{true, false, true, false},
	} {
		u, k := person(), softkey.New(origin)
		must[Credential](t)(register(t, f, &u, k.With(softkey.Backup(c.was, false)), true))
		a, err := assert(t, f, u, k.With(softkey.Backup(c.is, c.backedUp)))
		if c.passes != (err == nil) || !c.passes && !errors.Is(err, ErrIncorrect) {
			t.Errorf("%+v: %v", c, err)
		}
		if c.passes && (a.BackupEligible != c.is || a.BackupState != c.backedUp || a.BecameEligible != (c.is && !c.was)) {
			t.Errorf("%+v: %+v", c, a)
		}
	}
}

func TestAssertion_onlyTheKeysAskedForAndTheirOwner(t *testing.T) {
	t.Parallel()
	f, u, k := keys(t), person(), softkey.New(origin)
	must[Credential](t)(register(t, f, &u, k, true))
	options, c, _ := f.StartAssertion(&u, start)
	answer := k.Assert(options)

	_, err := f.FinishAssertion(c, WebAuthnUser{Handle: NewHandle(), Credentials: u.Credentials}, answer, start)
	refused(t, "begun by another", err, "begun by somebody else")
	_, err = f.FinishAssertion(c, u, answer, start.Add(300*time.Second))
	refused(t, "late", err, "too late")
	_, err = f.FinishPasskey(c, finder(u), answer, start)
	refused(t, "as a sign-in", err, "another ceremony")
	_, err = f.FinishAssertion(Ceremony{Kind: assertion, Handle: u.Handle, ExpiresAt: c.ExpiresAt}, u, answer, start)
	refused(t, "without a challenge", err, "another ceremony")

	_, err = f.FinishAssertion(Ceremony{Kind: assertion, Challenge: c.Challenge, ExpiresAt: c.ExpiresAt}, WebAuthnUser{}, answer, start)
	refused(t, "of nobody", err, "begun by somebody else")

	removed := u
	removed.Credentials = nil
	_, err = f.FinishAssertion(c, removed, answer, start)
	refused(t, "removed meanwhile", err, "not asked for")
	none := c
	none.Allowed = nil
	_, err = f.FinishAssertion(none, u, answer, start)
	refused(t, "not asked for", err, "not asked for")

	thief, theirs := person(), softkey.New(origin)
	must[Credential](t)(register(t, f, &thief, theirs, true))
	_, err = f.FinishAssertion(c, u, theirs.With(softkey.AnyCredential).Assert(options), start)
	refused(t, "of another person", err, "not asked for")
	swapped := u
	swapped.Credentials = []Credential{u.Credentials[0]}
	swapped.Credentials[0].PublicKey = thief.Credentials[0].PublicKey
	_, err = f.FinishAssertion(c, swapped, answer, start)
	refused(t, "with another key", err, "not signed")

	must[Asserted](t)(f.FinishAssertion(c, u, answer, start.Add(299*time.Second)))
	_, next, _ := f.StartAssertion(&u, start)
	_, err = f.FinishAssertion(next, u, answer, start)
	refused(t, "replayed", err, "another challenge")
}

func TestPasskey_handleAndKeyBelongTogether(t *testing.T) {
	t.Parallel()
	f, u, k := keys(t), person(), softkey.New(origin)
	must[Credential](t)(register(t, f, &u, k, true))
	other := person()
	must[Credential](t)(register(t, f, &other, softkey.New(origin), true))

	_, err := signIn(t, f, u, k.With(softkey.NoUserHandle))
	refused(t, "no handle", err, "does not say")
	_, err = signIn(t, f, u, k.With(softkey.UserHandle(other.Handle)))
	refused(t, "the handle of another", err, "")

	options, c, _ := f.StartAssertion(nil, start)
	answer := k.Assert(options)
	// A look-up that is careless is caught.
	_, err = f.FinishPasskey(c, func(_, _ []byte) (WebAuthnUser, Credential, error) { return other, u.Credentials[0], nil }, answer, start)
	refused(t, "another person", err, "somebody else")
	_, err = f.FinishPasskey(c, func(_, _ []byte) (WebAuthnUser, Credential, error) { return u, other.Credentials[0], nil }, answer, start)
	refused(t, "another key", err, "somebody else")
	down := errors.New("the database is away")
	_, err = f.FinishPasskey(c, func(_, _ []byte) (WebAuthnUser, Credential, error) { return WebAuthnUser{}, Credential{}, down }, answer, start)
	if !errors.Is(err, down) || errors.Is(err, ErrIncorrect) {
		t.Errorf("%v", err)
	}
	_, err = f.FinishAssertion(c, u, answer, start)
	refused(t, "as a second factor", err, "another ceremony")

	// Nothing is looked up for a challenge that was never given.
	asked := false
	_, err = f.FinishPasskey(c, func(_, _ []byte) (WebAuthnUser, Credential, error) {
		asked = true
		return WebAuthnUser{}, Credential{}, down
	},
		k.With(softkey.Challenge(NewHandle())).Assert(options), start)
	refused(t, "another challenge", err, "another challenge")
	if asked {
		t.Error("was looked up")
	}
}

// allauth takes any key here.
func TestPasskey_aSecondFactorNeverSignsInAlone(t *testing.T) {
	t.Parallel()
	f := keys(t)
	for name, habit := range map[string]softkey.Habit{
		"says no": softkey.CredProps(false), "says nothing": softkey.NoCredProps, "says yes": softkey.CredProps(true),
	} {
		u, k := person(), softkey.New(origin).With(habit)
		must[Credential](t)(register(t, f, &u, k, false))
		_, err := signIn(t, f, u, k.With(softkey.AnyCredential))
		refused(t, name, err, "second factor only")
	}

	for name, habit := range map[string]softkey.Habit{"says nothing": softkey.NoCredProps, "says yes": softkey.CredProps(true)} {
		u, k := person(), softkey.New(origin).With(habit)
		must[Credential](t)(register(t, f, &u, k, true))
		if _, err := signIn(t, f, u, k); err != nil {
			t.Errorf("asked for as a passkey, %s: %v", name, err)
		}
	}
}

// SEC-66: neither the challenge, nor what was sent, nor what the library says.
func TestRefusal_showsNothing(t *testing.T) {
	t.Parallel()
	f, u, k := keys(t), person(), softkey.New(origin)
	must[Credential](t)(register(t, f, &u, k, true))
	options, c, _ := f.StartAssertion(&u, start)
	var seen []error
	for _, habit := range []softkey.Habit{softkey.Challenge([]byte("another challenge of theirs")), softkey.Origin("https://canary.example"), softkey.RPID("canary.example"), softkey.Tampered, softkey.Type("canary"), softkey.ClientData(`{"canary":`)} {
		_, err := f.FinishAssertion(c, u, k.With(habit).Assert(options), start)
		seen = append(seen, err)
		creation, r, _ := f.StartRegistration(u, true, start)
		_, err = f.FinishRegistration(r, u, softkey.New(origin).With(habit).Register(creation), start)
		if err != nil { // there is no signature to forge
			seen = append(seen, err)
		}
	}
	for _, err := range seen {
		for e := err; e != nil; e = errors.Unwrap(e) {
			for _, secret := range []string{"canary", text(c.Challenge), text([]byte("another challenge of theirs")), text(u.Credentials[0].ID), "Expected", "challenge of"} {
				if strings.Contains(e.Error(), secret) {
					t.Errorf("%v shows %q", e, secret)
				}
			}
		}
		if !errors.Is(err, ErrIncorrect) {
			t.Errorf("%v", err)
		}
	}
}

// malformed are answers that no client gives. Each makes one of a good one.
var malformed = map[string]func(map[string]any){
	"no id":               func(m map[string]any) { delete(m, "id") },
	"an id of a number":   func(m map[string]any) { m["id"] = 1 },
	"an empty id":         func(m map[string]any) { m["id"], m["rawId"] = "", "" },
	"two ids":             func(m map[string]any) { m["rawId"] = "AAAA" },
	"a line break":        func(m map[string]any) { m["id"] = m["id"].(string) + "\n" },
	"another alphabet":    func(m map[string]any) { m["id"] = "++//" },
	"another type":        func(m map[string]any) { m["type"] = "password" },
	"no type":             func(m map[string]any) { delete(m, "type") },
	"no response":         func(m map[string]any) { delete(m, "response") },
	"a response of null":  func(m map[string]any) { m["response"] = nil },
	"a list as response":  func(m map[string]any) { m["response"] = []any{} },
	"no client data":      func(m map[string]any) { delete(m["response"].(map[string]any), "clientDataJSON") },
	"empty client data":   func(m map[string]any) { m["response"].(map[string]any)["clientDataJSON"] = "" },
	"a list of data":      func(m map[string]any) { m["response"].(map[string]any)["clientDataJSON"] = "W10" },
	"no data":             func(m map[string]any) { delete(m["response"].(map[string]any), "authenticatorData") },
	"short data":          func(m map[string]any) { m["response"].(map[string]any)["authenticatorData"] = "AAAA" },
	"no signature":        func(m map[string]any) { delete(m["response"].(map[string]any), "signature") },
	"a number as handle":  func(m map[string]any) { m["response"].(map[string]any)["userHandle"] = 1 },
	"a handle of 65":      func(m map[string]any) { m["response"].(map[string]any)["userHandle"] = strings.Repeat("A", 87) },
	"a big signature":     func(m map[string]any) { m["response"].(map[string]any)["signature"] = strings.Repeat("A", 6<<10) },
	"too large":           func(m map[string]any) { m["more"] = strings.Repeat("A", 48<<10) },
	"too many":            func(m map[string]any) { m["more"] = slices.Repeat([]any{1}, 301) },
	"too deep":            func(m map[string]any) { m["more"] = json.RawMessage(strings.Repeat("[", 9) + strings.Repeat("]", 9)) },
	"another case":        func(m map[string]any) { m["ID"] = m["id"]; delete(m, "id") },
	"a name in two cases": func(m map[string]any) { m["RESPONSE"] = m["response"] },
}

func TestAssertion_malformedAnswersAreRefused(t *testing.T) {
	t.Parallel()
	f, u, k := keys(t), person(), softkey.New(origin)
	must[Credential](t)(register(t, f, &u, k, true))
	options, c, _ := f.StartAssertion(&u, start)
	open, p, _ := f.StartAssertion(nil, start)
	for name, spoil := range malformed {
		for _, answer := range []json.RawMessage{k.Assert(options), k.Assert(open)} {
			var object map[string]any
			_ = json.Unmarshal(answer, &object)
			spoil(object)
			bad, _ := json.Marshal(object)
			quoted, _ := json.Marshal(string(bad))
			for _, text := range [][]byte{bad, quoted} {
				if _, err := f.FinishAssertion(c, u, text, start); !errors.Is(err, ErrIncorrect) {
					t.Errorf("%s: %v", name, err)
				}
				if _, err := f.FinishPasskey(p, finder(u), text, start); !errors.Is(err, ErrIncorrect) {
					t.Errorf("%s, sign-in: %v", name, err)
				}
			}
		}
	}
	for _, bad := range []string{"", " ", "null", "1", "[]", "{}", `"`, `""`, `"null"`, `"{}"`, `"\"{}\""`, "{", `{"id":"AA"} x`, "\xff", `"` + strings.Repeat(" ", 200<<10) + `"`} {
		if _, err := f.FinishAssertion(c, u, json.RawMessage(bad), start); !errors.Is(err, ErrIncorrect) {
			t.Errorf("%.20q: %v", bad, err)
		}
		if _, err := f.FinishRegistration(Ceremony{Kind: registration, Challenge: NewHandle(), Handle: u.Handle, ExpiresAt: start.Add(1)}, u, json.RawMessage(bad), start); !errors.Is(err, ErrIncorrect) {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
}

// Where something has to be, nothing is refused before anything is done with it.
func TestRead_emptyPartsAreRefused(t *testing.T) {
	t.Parallel()
	for kind, members := range map[string][]string{
		registration: {"id", "clientDataJSON", "attestationObject"}, assertion: {"id", "clientDataJSON", "authenticatorData", "signature"},
	} {
		for _, empty := range append(members, "none") {
			response := map[string]any{}
			for _, m := range members {
				response[m] = "AA"
			}
			response[empty] = ""
			answer, _ := json.Marshal(map[string]any{"type": "public-key", "id": response["id"], "response": response})
			if _, err := read(answer, kind); (err == nil) != (empty == "none") {
				t.Errorf("%s without %s: %v", kind, empty, err)
			}
		}
	}
}

// What is forgiven: clients that pad, and that leave rawId or an absent handle out.
func TestAssertion_harmlessDifferencesPass(t *testing.T) {
	t.Parallel()
	f, u, k := keys(t), person(), softkey.New(origin)
	must[Credential](t)(register(t, f, &u, k, true))
	for name, change := range map[string]func(m, r map[string]any){
		"no rawId":       func(m, _ map[string]any) { delete(m, "rawId") },
		"padding":        func(_, r map[string]any) { r["clientDataJSON"] = pad(r["clientDataJSON"].(string)) },
		"a padded rawId": func(m, _ map[string]any) { m["rawId"] = pad(m["id"].(string)) },
		"no handle":      func(_, r map[string]any) { delete(r, "userHandle") },
		"a null handle":  func(_, r map[string]any) { r["userHandle"] = nil },
		"an empty one":   func(_, r map[string]any) { r["userHandle"] = "" },
		"extensions": func(m, _ map[string]any) {
			m["clientExtensionResults"] = map[string]any{"appid": true, "prf": map[string]any{"results": 1}}
		},
		"none": func(m, _ map[string]any) { delete(m, "clientExtensionResults") },
	} {
		options, c, _ := f.StartAssertion(&u, start)
		var object map[string]any
		_ = json.Unmarshal(k.Assert(options), &object)
		change(object, object["response"].(map[string]any))
		answer, _ := json.Marshal(object)
		a, err := f.FinishAssertion(c, u, answer, start)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		u.Credentials[0].SignCount = a.NewSignCount
	}
}

func pad(text string) string {
	b, _ := base64.RawURLEncoding.DecodeString(text)
	return base64.URLEncoding.EncodeToString(b)
}
