package userid_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/userid"
)

func TestID_isANumberBelowTwoToThe53AndTextOtherwise(t *testing.T) {
	t.Parallel()

	for id, want := range map[userid.ID]string{
		"1": `1`, "1073741824": `1073741824`, "4503599627370495": `4503599627370495`,
		"9007199254740991": `9007199254740991`, "9007199254740992": `"9007199254740992"`,
		"9223372036854775807":                  `"9223372036854775807"`,
		"6f1c2a52-9a3e-4a0e-9d56-0b1d2f3e4a5b": `"6f1c2a52-9a3e-4a0e-9d56-0b1d2f3e4a5b"`,
		"ABCDEFGHIJ":                           `"ABCDEFGHIJ"`,
	} {
		got, err := json.Marshal(id)
		if err != nil || string(got) != want {
			t.Errorf("%s: got %s and %v, want %s", id, got, err, want)
		}

		var back userid.ID
		if err := json.Unmarshal(got, &back); err != nil || back != id {
			t.Errorf("%s: read back as %q, %v", got, back, err)
		}
	}
}

func TestID_readsBothForms(t *testing.T) {
	t.Parallel()

	for text, want := range map[string]userid.ID{`7`: "7", `"7"`: "7", `"ada"`: "ada", `"9007199254740992"`: "9007199254740992"} {
		var got userid.ID
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s: got %q and %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{`0`, `-1`, `1.5`, `1e3`, `true`, `{}`, `""`, `"007"`, `"a b"`, `"1_000"`} {
		var got userid.ID
		if err := json.Unmarshal([]byte(text), &got); err == nil {
			t.Errorf("%s: got %q, want an error", text, got)
		}
	}
}

// What other software could read as the id of another user is no subject.
func TestValid_aSubjectNeverReadsAsAnInteger(t *testing.T) {
	t.Parallel()

	for text, want := range map[string]bool{
		"1": true, "4503599627370495": true, "9223372036854775807": true, "a": true, "-": true, "a_b-C9": true, strings.Repeat("x", 64): true,
		"12345678-1234-4123-8123-123456789012": true,

		"": false, "0": false, "-1": false, "+1": false, "007": false, "9223372036854775808": false, "99999999999999999999": false,
		"1_000": false, "_": false, " 1": false, "1 ": false, "1\n": false, "a\n": false, "é": false, "a.b": false, strings.Repeat("x", 65): false,
	} {
		if got := userid.Valid(text); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}
