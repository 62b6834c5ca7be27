package code

import (
	"strings"
	"testing"
)

// T-COD-06, SEC-42: only the alphabet, and every letter as likely as every other. The
// bound is that of p < 1e-6 for 19 degrees of freedom.
func TestSEC42andTCOD06_codesAreUniform(t *testing.T) {
	t.Parallel()
	f, err := parseFormat("{}")
	if err != nil {
		t.Fatal(err)
	}
	const n = 100_000
	var seen [8][256]int
	for range n {
		code := f.generate()
		if len(code) != 9 || code[4] != '-' {
			t.Fatalf("%q", code)
		}
		for i, c := range []byte(code[:4] + code[5:]) {
			seen[i][c]++
		}
	}
	for i := range seen {
		chi, total := 0.0, 0
		want := float64(n) / float64(len(letters))
		for _, c := range []byte(letters) {
			d := float64(seen[i][c]) - want
			chi += d * d / want
			total += seen[i][c]
		}
		if total != n {
			t.Errorf("position %d: %d characters of another alphabet", i, n-total)
		}
		if chi > 69 {
			t.Errorf("position %d: chi-square %.1f", i, chi)
		}
	}
}

func TestFormat_asAllauthHasThem(t *testing.T) {
	t.Parallel()
	for text, shape := range map[string]string{
		`{}`: "XXXX-XXXX", `{"numeric":true}`: "999-999-999", `{"length":6,"numeric":true}`: "999-999", `{"length":6,"dashed":false}`: "XXXXXX",
		`{"length":7}`: "XXX-XXXX", `{"length":10}`: "XXX-XXX-XXXX",
	} {
		f, err := parseFormat(text)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Map(func(r rune) rune {
			switch {
			case r >= '0' && r <= '9':
				return '9'
			case r != '-':
				return 'X'
			}
			return r
		}, f.generate())
		if got != shape {
			t.Errorf("%s: %s, want %s", text, got, shape)
		}
	}
	for _, text := range []string{"", "x", `{"length":5}`, `{"length":33}`, `{"length":"8"}`, `{"lenght":8}`} {
		if _, err := parseFormat(text); err == nil {
			t.Errorf("%s passed", text)
		}
	}
}

func TestNormalize_leavesWhatCounts(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"bcdf-ghjk": "BCDFGHJK", " BCDF GHJK\n": "BCDFGHJK", "123 456": "123456", "": "", "--": "", "ключ": "КЛЮЧ", "BCDF\u2013GHJK": "BCDFGHJK", "BCDF\x00GHJK": "BCDF\x00GHJK",
	} {
		if got := normalize(typed); got != want {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
}

func FuzzNormalize(f *testing.F) {
	f.Add("BCDF-GHJK")
	f.Add("\xff\u2028é")
	f.Fuzz(func(t *testing.T, typed string) {
		if again := normalize(normalize(typed)); again != normalize(typed) {
			t.Errorf("%q: not the same twice", typed)
		}
	})
}

func TestQuota_takesPythonsTrue(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int16{"": 0, "false": 0, "False": 0, "true": 2, "True": 2, "0": 0, "3": 3} {
		if got, err := quota(text); err != nil || got != want {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"-1", "11", "x", "1.5"} {
		if _, err := quota(text); err == nil {
			t.Errorf("%q passed", text)
		}
	}
}
