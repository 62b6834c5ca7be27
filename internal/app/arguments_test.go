package app

import (
	"slices"
	"strings"
	"testing"
)

func TestSeparateHyphenated(t *testing.T) {
	t.Parallel()

	for given, want := range map[string]string{
		"":                              "",
		"sessions end abc":              "sessions end abc",
		"sessions end -Fabc":            "sessions end -- -Fabc",
		"sessions end -Fabc --reason=x": "sessions end --reason=x -- -Fabc",
		"sessions end -Fabc --reason x": "sessions end --reason x -- -Fabc",
		"sessions end --reason -x abc":  "sessions end --reason -x abc",
		"audit --session -Fabc":         "audit --session -Fabc",
		"sessions end -- -Fabc":         "sessions end -- -Fabc",
		"sessions end -h":               "sessions end -h",
		"users show --id -F_a --json":   "users show --id -F_a --json",
		"config - --check":              "config - --check",
	} {
		if got := separateHyphenated(strings.Fields(given)); !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%s: %q, want %q", given, got, want)
		}
	}
}
