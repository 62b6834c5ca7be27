package factor

import (
	"slices"
	"strings"
	"testing"
)

// isNumber reports whether text is exactly n ASCII digits.
func isNumber(text string, n int) bool {
	return len(text) == n && strings.Trim(text, "0123456789") == ""
}

func TestRecovery_codesAreAsSetAndAllDifferent(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{10, 8}, {64, 6}, {1, 16}} {
		f := with(t, func(s *Settings) { s.RecoveryCount, s.RecoveryDigits = size[0], size[1] })
		codes := f.NewRecoveryCodes()
		if len(codes) != size[0] {
			t.Errorf("%d codes, want %d", len(codes), size[0])
		}
		for i, c := range codes {
			if !isNumber(c, size[1]) || slices.Contains(codes[:i], c) {
				t.Errorf("code %d of %v", i, size)
			}
		}
	}
}

// 5000 sets of 64 six-digit codes would have ten pairs that are equal.
func TestRecovery_noCodeStandsTwiceInASet(t *testing.T) {
	t.Parallel()
	f := with(t, func(s *Settings) { s.RecoveryCount, s.RecoveryDigits = 64, 6 })
	for range 5000 {
		codes := f.NewRecoveryCodes()
		slices.Sort(codes)
		if len(slices.Compact(codes)) != 64 {
			t.Fatal("a code stands twice")
		}
	}
}

// The bound is that of p < 1e-6 for 9 degrees of freedom.
func TestRecovery_codesAreUniform(t *testing.T) {
	t.Parallel()
	f := with(t, func(s *Settings) { s.RecoveryCount = 64 })
	var seen [8][10]float64
	const sets = 300
	for range sets {
		for _, c := range f.NewRecoveryCodes() {
			for i := range 8 {
				seen[i][c[i]-'0']++
			}
		}
	}
	const want = sets * 64 / 10.0
	for i := range seen {
		chi := 0.0
		for _, n := range seen[i] {
			chi += (n - want) * (n - want) / want
		}
		if chi > 46 {
			t.Errorf("digit %d: chi-square %.1f", i, chi)
		}
	}
}

func TestRecovery_usedCodesNeverMatch(t *testing.T) {
	t.Parallel()
	codes := with(t, func(s *Settings) { s.RecoveryCount = 64 }).NewRecoveryCodes()
	for i, c := range codes {
		for _, typed := range []string{c, c[:4] + "-" + c[4:], " " + c[:2] + " " + c[2:] + "\n"} {
			if got, ok := MatchRecoveryCode(codes, 0, typed); !ok || got != i {
				t.Errorf("code %d: %d, %v", i, got, ok)
			}
			if _, ok := MatchRecoveryCode(codes, 1<<i, typed); ok {
				t.Errorf("code %d was used", i)
			}
			if got, ok := MatchRecoveryCode(codes, ^uint64(1<<i), typed); !ok || got != i {
				t.Errorf("code %d was not used: %d, %v", i, got, ok)
			}
		}
		if left := Unused(codes, 1<<i); len(left) != 63 || slices.Contains(left, c) {
			t.Errorf("code %d is left", i)
		}
	}
	if left := Unused(codes, ^uint64(0)); left == nil || len(left) != 0 {
		t.Errorf("%v", left)
	}
}

func TestRecovery_whatIsNoCodeNeverMatches(t *testing.T) {
	t.Parallel()
	codes := []string{"12345678", "23456789"}
	for _, typed := range []string{"", " ", "-", "1234567", "123456789", "12345678x", "12345678\x00", "12345678,23456789", strings.Repeat("1", 1<<16)} {
		if _, ok := MatchRecoveryCode(codes, 0, typed); ok {
			t.Errorf("%q passed", typed)
		}
	}
	if _, ok := MatchRecoveryCode([]string{"", "-"}, 0, ""); ok {
		t.Error("an empty code passed")
	}
	if _, ok := MatchRecoveryCode(nil, 0, "12345678"); ok {
		t.Error("passed without codes")
	}
	if _, ok := MatchRecoveryCode(slices.Repeat([]string{"1"}, 65), 0, "1"); ok {
		t.Error("passed with more codes than can be used up")
	}
	// Of two that are the same, as an import may bring them, each works once.
	if i, ok := MatchRecoveryCode([]string{"1", "1"}, 1, "1"); !ok || i != 1 {
		t.Errorf("%d, %v", i, ok)
	}
}

func TestRecovery_encodesAndDecodes(t *testing.T) {
	t.Parallel()
	codes := []string{"12345678", "23456789"}
	back, err := DecodeRecoveryCodes(EncodeRecoveryCodes(codes))
	if err != nil || !slices.Equal(back, codes) {
		t.Errorf("%v, %v", back, err)
	}
	long := EncodeRecoveryCodes(slices.Repeat([]string{"1"}, 65))
	for _, bad := range []string{"", "12345678", "{}", `[12345678]`, `["12345678"`, string(long)} {
		if _, err := DecodeRecoveryCodes([]byte(bad)); err == nil || strings.Contains(err.Error(), "1234") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
