package flow

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// allFacts are all combinations of facts.
func allFacts() []Facts {
	n := reflect.TypeFor[Facts]().NumField()
	list := make([]Facts, 0, 1<<n)
	for bits := range 1 << n {
		list = append(list, factsOf(bits))
	}
	return list
}

func factsOf(bits int) Facts {
	var f Facts
	v := reflect.ValueOf(&f).Elem()
	for i := range v.NumField() {
		v.Field(i).SetBool(bits>>i&1 == 1)
	}
	return f
}

// order is the machine once more, in words: what may not be skipped, in which order.
func order(f Facts) (Stage, bool) {
	if f.CodeNeeded && !f.CodeProved {
		return LoginByCode, true
	}
	if f.PhoneOpen {
		return VerifyPhone, true
	}
	if f.EmailOpen {
		return VerifyEmail, true
	}
	if f.FactorNeeded && !f.FactorShown {
		return MFAAuthenticate, true
	}
	if f.PasskeyAwaited {
		return MFASignup, true
	}
	return "", false
}

func TestNext_overAllCombinations(t *testing.T) {
	t.Parallel()
	all := allFacts()
	if len(all) < 16 {
		t.Fatalf("only %d combinations", len(all))
	}
	in := 0
	for _, f := range all {
		got, open := Next(f)
		if want, wants := order(f); got != want || open != wants {
			t.Errorf("%+v: %q %v, want %q %v", f, got, open, want, wants)
		}
		if !open {
			in++
		}
	}
	if in == 0 || in == len(all) {
		t.Errorf("%d of %d come in", in, len(all))
	}
}

// Nobody comes in while anything is open, and passing a stage never opens one before it.
func FuzzNext(f *testing.F) {
	f.Add(0)
	f.Add(15)
	f.Fuzz(func(t *testing.T, bits int) {
		facts := factsOf(bits)
		for range len(stages) + 1 {
			stage, open := Next(facts)
			if !open {
				if facts.PhoneOpen || facts.EmailOpen || facts.CodeNeeded && !facts.CodeProved || facts.FactorNeeded && !facts.FactorShown || facts.PasskeyAwaited {
					t.Fatalf("in with %+v", facts)
				}
				return
			}
			switch stage {
			case LoginByCode:
				facts.CodeProved = true
			case VerifyPhone:
				facts.PhoneOpen = false
			case VerifyEmail:
				facts.EmailOpen = false
			case MFAAuthenticate:
				facts.FactorShown = true
			case MFASignup:
				facts.PasskeyAwaited = false
			}
		}
		t.Fatalf("no way in: %+v", facts)
	})
}

func TestPicture_isThatOfTheTable(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/flows.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), Picture()) {
		t.Error("docs/flows.md is not current: make generate")
	}
	for _, s := range stages {
		if !strings.Contains(Picture(), string(s.stage)) {
			t.Errorf("%s is not in the picture", s.stage)
		}
	}
}
