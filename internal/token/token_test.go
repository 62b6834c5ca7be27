package token_test

import (
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/token"
)

func TestSettings_checkNamesEveryFault(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*token.Settings)
		want   []string // one environment variable for each fault
	}{
		"good":              {func(*token.Settings) {}, nil},
		"longest values":    {func(s *token.Settings) { s.Issuer, s.Audience = strings.Repeat("i", 128), strings.Repeat("a", 16) }, nil},
		"longest audience":  {func(s *token.Settings) { s.Issuer, s.Audience = strings.Repeat("i", 80), strings.Repeat("a", 64) }, nil},
		"too long together": {func(s *token.Settings) { s.Issuer, s.Audience = strings.Repeat("i", 81), strings.Repeat("a", 64) }, []string{"LATCHKEY_ISSUER"}},
		"RS256":             {func(s *token.Settings) { s.Algorithm = "RS256" }, []string{"HEADLESS_JWT_ALGORITHM"}},
		"HS256":             {func(s *token.Settings) { s.Algorithm = "HS256" }, []string{"HEADLESS_JWT_ALGORITHM"}},
		"lower case":        {func(s *token.Settings) { s.Algorithm = "es256" }, []string{"HEADLESS_JWT_ALGORITHM"}},
		"no algorithm":      {func(s *token.Settings) { s.Algorithm = "" }, []string{"HEADLESS_JWT_ALGORITHM"}},
		"not stateful":      {func(s *token.Settings) { s.Stateful = false }, []string{"HEADLESS_JWT_STATEFUL_VALIDATION_ENABLED"}},
		"no issuer":         {func(s *token.Settings) { s.Issuer = "" }, []string{"LATCHKEY_ISSUER"}},
		"issuer of 129":     {func(s *token.Settings) { s.Issuer = strings.Repeat("i", 129) }, []string{"LATCHKEY_ISSUER"}},
		"no audience":       {func(s *token.Settings) { s.Audience = "" }, []string{"LATCHKEY_AUDIENCE"}},
		"audience of 65":    {func(s *token.Settings) { s.Audience = strings.Repeat("a", 65) }, []string{"LATCHKEY_AUDIENCE"}},
		"everything at once": {func(s *token.Settings) { *s = token.Settings{} }, []string{
			"HEADLESS_JWT_ALGORITHM", "HEADLESS_JWT_STATEFUL_VALIDATION_ENABLED", "LATCHKEY_ISSUER", "LATCHKEY_AUDIENCE",
		}},
	} {
		s := settings()
		c.change(&s)
		errs := s.Check()
		if len(errs) != len(c.want) {
			t.Errorf("%s: got %v, want faults in %v", name, errs, c.want)
			continue
		}
		for i, err := range errs {
			if !strings.HasPrefix(err.Error(), c.want[i]+": ") {
				t.Errorf("%s: %q does not name %s", name, err, c.want[i])
			}
		}
	}
}

// What JSON would escape makes a token grow beyond the sizes that we promise.
func TestSettings_checkWantsCharactersThatStandForThemselves(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{" ", "\t", "\n", "\x00", "\x7f", `"`, `\`, "<", ">", "&", "ä", "\xff", "\u2028"} {
		s := settings()
		s.Issuer, s.Audience = "a"+bad+"b", bad
		if errs := s.Check(); len(errs) != 2 {
			t.Errorf("%q: got %v, want both refused", bad, errs)
		}
	}
	for c := byte('!'); c < 0x7f; c++ {
		if strings.IndexByte(`"\<>&`, c) >= 0 {
			continue
		}
		s := settings()
		s.Issuer = string(c)
		if errs := s.Check(); errs != nil {
			t.Errorf("%q: %v", c, errs)
		}
	}
}
