package token

import (
	"strings"
	"testing"
	"time"
)

func TestKeyFile_aRotationIsThreeSteps(t *testing.T) {
	t.Parallel()
	text, _, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	const retire = 24*time.Hour + 30*time.Second
	file, err := ParseKeyFile(text)
	if err != nil {
		t.Fatal(err)
	}
	first := file.Keys[0].ID
	for n, step := range []struct {
		after  time.Duration
		early  time.Duration
		states string
	}{
		{0, 0, "signing pending"},
		{9 * time.Minute, time.Minute, "signing retiring"},
		{time.Hour, retire - time.Hour, "signing"},
	} {
		now = now.Add(step.after)
		fresh, did, err := file.Rotate(now, retire)
		if err != nil || did.TooEarly != step.early {
			t.Fatalf("step %d: %v early, %v", n+1, did.TooEarly, err)
		}
		if file, err = ParseKeyFile(fresh.String()); err != nil { // through the file, notes and all
			t.Fatal(err)
		}
		var states []string
		for _, k := range file.Keys {
			states = append(states, k.State)
		}
		if got := strings.Join(states, " "); got != step.states {
			t.Errorf("step %d: %s, want %s", n+1, got, step.states)
		}
	}
	if file.Keys[0].ID == first {
		t.Error("the old key still signs")
	}
}

func TestKeyFile_aKeyOfUnknownAgeIsAlwaysTooYoung(t *testing.T) {
	t.Parallel()
	a, _, _ := GenerateKey()
	b, _, _ := GenerateKey()
	file, err := ParseKeyFile(a + b)
	if err != nil {
		t.Fatal(err)
	}
	if _, step, err := file.Rotate(time.Now(), time.Hour); err != nil || step.TooEarly != PendingFor {
		t.Errorf("%+v %v", step, err)
	}
}
