package password

import (
	"crypto/sha1"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// listOf writes a list of breached passwords and returns its path.
func listOf(t *testing.T, end string, passwords ...string) string {
	t.Helper()
	lines := make([]string, len(passwords))
	for n, p := range passwords {
		lines[n] = fmt.Sprintf("%X:%d", sha1.Sum([]byte(p)), n*n*n*977)
	}
	slices.Sort(lines)
	return written(t, strings.Join(lines, end)+end)
}

func written(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestBreached_findsEveryPasswordOfTheListAndNoOther(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"\n", "\r\n"} {
		for _, size := range []int{1, 2, 3, 7, 500} {
			t.Run(fmt.Sprintf("%d lines, %q", size, end), func(t *testing.T) {
				t.Parallel()
				var in []string
				for n := range size {
					in = append(in, fmt.Sprintf("leaked horse number %d", n))
				}
				p := NewPolicy(Settings{MinLength: 8, Breached: listOf(t, end, in...)})
				if wrong := (Settings{Breached: p.settings.Breached}).Check(); wrong != nil {
					t.Fatal(wrong)
				}

				for n, password := range in {
					if got := codes(p, password); got != "password_too_common" {
						t.Errorf("%q: got %q, want password_too_common", password, got)
					}
					if other := fmt.Sprintf("healthy horse number %d", n); codes(p, other) != "" {
						t.Errorf("%q: got %q, want none", other, codes(p, other))
					}
				}
			})
		}
	}
}

// The forms that such lists have: without counts, in lower case, without an end of the last line.
func TestBreached_readsTheFormsOfSuchLists(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(listOf(t, "\n", "one leaked horse", "two leaked horses", "three leaked horses"))
	if err != nil {
		t.Fatal(err)
	}
	bare := ""
	for line := range strings.Lines(string(text)) {
		bare += line[:hexHash] + "\n"
	}

	for name, form := range map[string]string{
		"without counts": bare, "in lower case": strings.ToLower(string(text)), "without the last end": strings.TrimSuffix(string(text), "\n"),
	} {
		p := NewPolicy(Settings{MinLength: 8, Breached: written(t, form)})
		for _, password := range []string{"one leaked horse", "two leaked horses", "three leaked horses"} {
			if got := codes(p, password); got != "password_too_common" {
				t.Errorf("%s, %q: got %q", name, password, got)
			}
		}
		if got := codes(p, "four leaked horses"); got != "" {
			t.Errorf("%s: got %q for a password that is not in the list", name, got)
		}
	}
}

func TestBreached_aFileThatIsNoListStopsTheStart(t *testing.T) {
	t.Parallel()
	hash := fmt.Sprintf("%X:1\n", sha1.Sum([]byte("x")))
	for name, path := range map[string]string{
		"absent":               filepath.Join(t.TempDir(), "nothing"),
		"a directory":          t.TempDir(),
		"empty":                written(t, ""),
		"passwords":            written(t, "123456\npassword\n"),
		"one long line":        written(t, strings.Repeat("A", 10_000)),
		"NTLM hashes":          written(t, strings.Repeat("0123456789ABCDEF0123456789ABCDEF:1\n", 3)),
		"by count, not hash":   written(t, "F"+hash[1:]+"0"+hash[1:]),
		"something at its end": written(t, hash+"the end\n"),
	} {
		if wrong := (Settings{Breached: path}).Check(); len(wrong) != 1 || !strings.HasPrefix(wrong[0].Error(), "LATCHKEY_PASSWORD_BREACHED_LIST: ") {
			t.Errorf("%s: %v", name, wrong)
		}
	}
}

// A list that cannot be read is an outage, and never lets a password pass.
func TestBreached_aListThatIsLostIsAnOutage(t *testing.T) {
	t.Parallel()
	path := listOf(t, "\n", "a leaked horse", "another leaked horse", "a third leaked horse")
	p := NewPolicy(Settings{MinLength: 8, Breached: path})

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if got := codes(p, "a healthy horse"); !strings.HasPrefix(got, "temporarily_unavailable") {
		t.Errorf("removed: %q, want temporarily_unavailable", got)
	}
}
