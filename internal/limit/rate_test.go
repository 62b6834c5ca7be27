package limit

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/secret"
)

func TestRates_thatCountNothingAreRefusedWithWhatIsAllowed(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ rates, want string }{
		"sign-in per key":                 {`{"login":"1/h/key"}`, "allowed: ip"},
		"sign-up per user":                {`{"signup":"1/h/user"}`, "allowed: ip"},
		"failed sign-ins per user":        {`{"login_failed":"1/h/user"}`, "allowed: ip, key"},
		"resets per user":                 {`{"reset_password":"1/h/user"}`, "allowed: ip, key"},
		"wrong factors per address":       {`{"mfa_failed":"1/h/ip"}`, "allowed: user"},
		"a code per session":              {`{"verify_phone":"1/h/session"}`, "allowed: ip, key"},
		"a second rate that counts none":  {`{"login":"1/h/ip,1/h/user"}`, "allowed: ip"},
		"a subject that nobody knows":     {`{"login":"1/h/moon"}`, "allowed: ip"},
		"an action that nobody knows":     {`{"sign_in":"1/h/ip"}`, "allowed: "},
		"two equal rates":                 {`{"login":"5/m/ip,5/m/ip"}`, "there twice"},
		"two equal rates, named unlike":   {`{"login":"5/m/ip, 5/60s/ip"}`, "there twice"},
		"no rates at all":                 {`{"login":""}`, "want rates, or false"},
		"a number":                        {`{"login":5}`, "want rates, or false"},
		"true":                            {`{"login":true}`, "want rates, or false"},
		"nothing allowed":                 {`{"login":"0/m/ip"}`, "allows nothing"},
		"no subject":                      {`{"login":"5/m"}`, "not of the form"},
		"an empty part":                   {`{"login":"5/m/ip,"}`, "not of the form"},
		"not JSON":                        {`login=5/m/ip`, "JSON object"},
		"a list":                          {`["login"]`, "JSON object"},
		"an action in another case":       {`{"Login":"5/m/ip"}`, "is not an action"},
		"the first wrong one of several":  {`{"aaa":"5/m/ip","login":"5/m/ip"}`, `"aaa"`},
		"a subject of which allauth dies": {`{"signup":"5/m/key"}`, "allowed: ip"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wrong := Settings{Rates: row.rates}.Check()
			if len(wrong) != 1 || !strings.HasPrefix(wrong[0].Error(), "ACCOUNT_RATE_LIMITS: ") || !strings.Contains(wrong[0].Error(), row.want) {
				t.Errorf("%s: %v, want %q", row.rates, wrong, row.want)
			}
		})
	}
}

func TestRates_thatAreTaken(t *testing.T) {
	t.Parallel()
	for name, rates := range map[string]string{
		"the default": "true", "off": "False", "nothing said": "",
		"one off": `{"signup":false}`, "one off, as null": `{"signup":null}`,
		"a session": `{"change_password":"3/m/session,5/m/user"}`, "blanks": `{"login_failed":"10/m/ip, 5/5m/key"}`,
		"one that allauth knows": `{"reset_password_email":"5/m/key"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if wrong := (Settings{Rates: rates}).Check(); len(wrong) > 0 {
				t.Error(wrong)
			}
		})
	}
}

func TestRates_oneThatAllauthKnowsAndWeDoNotCountIsAWarning(t *testing.T) {
	t.Parallel()
	warnings := Settings{Rates: `{"reset_password_email":"5/m/key","login":"5/m/ip"}`}.Warnings()
	if len(warnings) != 1 || !strings.Contains(warnings[0], `"reset_password_email" counts nothing`) {
		t.Errorf("%q", warnings)
	}
}

// A default that does not parse would stop every start.
func TestActions_haveDefaultsThatTheSettingDescribes(t *testing.T) {
	t.Parallel()
	field, _ := reflect.TypeFor[Settings]().FieldByName("Rates")
	doc := field.Tag.Get("doc")
	for name, action := range declared {
		if _, err := action.parse(action.rates); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.Contains(doc, name+" "+action.rates) {
			t.Errorf("the setting does not say %q", name+" "+action.rates)
		}
	}
}

func TestTake_refusesACallThatLeavesOutWhatIsCounted(t *testing.T) {
	t.Parallel()
	rules, err := Settings{Rates: `{"change_password":"5/m/session,5/m/user"}`}.rules(false)
	if err != nil {
		t.Fatal(err)
	}
	l := &Limiter{rules: rules, secret: secret.NewKey(nil)}
	for name, row := range map[string]struct {
		action  Action
		subject Subject
		counted int // -1: refused
	}{
		"no action":                   {Action{}, Subject{}, -1},
		"no user":                     {ChangePassword, Subject{Session: uuid.UUID{1}}, -1},
		"no session":                  {ChangePassword, Subject{UserID: 1}, -1},
		"both":                        {ChangePassword, Subject{UserID: 1, Session: uuid.UUID{1}}, 2},
		"no key":                      {LoginFailed, Subject{Address: netip.MustParseAddr("192.0.2.1")}, -1},
		"the address alone, as asked": {LoginFailed, Subject{Address: netip.MustParseAddr("192.0.2.1"), AddressOnly: true}, 1},
		"a client without address":    {Login, Subject{}, 0},
		"three networks of an IPv6":   {Login, Subject{Address: netip.MustParseAddr("2001:db8::1")}, 3},
		"IPv4 written as IPv6":        {Login, Subject{Address: netip.MustParseAddr("::ffff:192.0.2.1")}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ask, err := l.ask(row.action, row.subject)
			if (err != nil) != (row.counted < 0) || err == nil && len(ask.Keys) != row.counted {
				t.Errorf("%d counters, %v; want %d", len(ask.Keys), err, row.counted)
			}
		})
	}
}
