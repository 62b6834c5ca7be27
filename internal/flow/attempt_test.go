package flow

import "testing"

// An attempt is void once the password is another, also where there was none before or is
// none after.
func TestAttempt_isStaleOnceThePasswordIsAnother(t *testing.T) {
	t.Parallel()
	one, two := "$argon2id$one", "$argon2id$two"
	for _, c := range []struct {
		name          string
		before, after *string
		stale         bool
	}{
		{"the same", &one, &one, false},
		{"none, still", nil, nil, false},
		{"changed", &one, &two, true},
		{"set", nil, &one, true},
		{"removed", &one, nil, true},
	} {
		a := Attempt{Stamp: stamp(c.before)}
		if got := a.stale(c.after); got != c.stale {
			t.Errorf("%s: stale %v", c.name, got)
		}
	}
	if unstamped := (&Attempt{}).stale(nil); !unstamped {
		t.Error("an attempt without a stamp is taken for a good one")
	}
}
