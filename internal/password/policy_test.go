package password

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"
)

func codes(p Policy, password string, similarTo ...string) string {
	var list []string
	all, err := p.Check(password, "new_password", similarTo...)
	if err != nil {
		return err.Error()
	}
	for _, found := range all {
		if found.Param != "new_password" {
			list = append(list, "of "+found.Param)
		}
		list = append(list, found.Code)
	}
	return strings.Join(list, " ")
}

// Clients show the first of several: the order is Django's.
func TestSEC36_everyFailureIsReportedInDjangosOrder(t *testing.T) {
	t.Parallel()
	p := NewPolicy(Settings{MinLength: 8})
	const similar, short, common, numeric = "password_too_similar", "password_too_short", "password_too_common", "password_entirely_numeric"
	for _, c := range []struct {
		password, similarTo, want string
	}{
		{"Tr0ub4dor&3", "", ""},
		{"Tr0ub4dor&3", "someone@example.com", ""},
		{"1234567", "1234567", similar + " " + short + " " + common + " " + numeric},
		{"1234567", "", short + " " + common + " " + numeric},
		{"12345678", "", common + " " + numeric},
		{"83619407", "", numeric},
		{"0837465", "", short + " " + numeric},
		{"password", "", common},
		{"PassWord", "", common},
		{"monkey", "", short + " " + common},
		{"monkey", "monkey", similar + " " + short + " " + common},
		{"friend of emily", "", common}, // a line of the list may have several words
		{"xq7!", "", short},
		{"sometwo12", "sometwo@example.com", similar},
		{"ééééééé", "", short},    // 7 characters in 14 bytes
		{"éàüöäßñø", "", ""},      // 8
		{"١٢٣٤٥٦٧٨", "", numeric}, // Arabic digits are digits
		{"１２３４５６７８", "", numeric},
		{"83619407a", "", ""},
		{"-83619407", "", ""},
		{"83619407836194", "", numeric},    // 14
		{"836194078361940", "", ""},        // 15 digits are a passphrase, and no list has them
		{"١٢٣٤٥٦٧٨٩٠١٢٣٤٥", "", ""},        // in any script
		{"123456789012345678", "", ""},     // not in the list
		{"123456789123456789", "", common}, // in it
	} {
		if got := codes(p, c.password, c.similarTo); got != c.want {
			t.Errorf("%s similar to %q: got %q, want %q", c.password, c.similarTo, got, c.want)
		}
	}
}

func TestSEC36_minimumCanBeRaised(t *testing.T) {
	t.Parallel()
	for length, accept := range map[int]bool{14: false, 15: true, 16: true} {
		if got := codes(NewPolicy(Settings{MinLength: 15}), strings.Repeat("xq!", 9)[:length]); (got == "") != accept {
			t.Errorf("%d characters: %q", length, got)
		}
	}
}

// Each pair was put to Django's UserAttributeSimilarityValidator (5.2), which says the same.
func TestPolicy_similarityIsDjangos(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		password, word string
		similar        bool
	}{
		{"someone", "someone@example.com", true},
		{"example", "someone@example.com", true},
		{"SomeOne", "SOMEONE@example.com", true},
		{"enoemos", "someone@example.com", true}, // the upper bound looks at letters alone, not at their order
		{"someone@example.com", "someone@example.com", true},
		{"someone@example", "someone@example.com", true},
		{"someone12345", "someone@example.com", true},
		{"someone123456", "someone@example.com", true},
		{"someone1234567", "someone@example.com", false},
		{"abcdefgxyz", "abcdefg123", true},  // exactly 0.7
		{"abcdefwxyz", "abcdefg123", false}, // 0.6
		{"a", "someone@example.com", false},
		{"zzzzzzzz", "someone@example.com", false},
		{"garcía12", "José García", true},
		{"żółćżółć", "Michał Żółć", false},
		{"żółć12", "Michał Żółć", true},
		{"иванов12", "Пётр Иванов", true},
		{"under_score", "under_score more", true},
		{"hyphen", "hyphen-ated", true},
		{strings.Repeat("x", 40), "x", false},
		{"secret", "", false},
		{"secret", "@@@", false},
	} {
		if got := resembles(c.password, []string{c.word}); got != c.similar {
			t.Errorf("%s and %q: similar %v, want %v", c.password, c.word, got, c.similar)
		}
	}
	p := NewPolicy(Settings{MinLength: 1})
	if got := codes(p, "xq7!kitten", "someone", "kitten!"); got != "password_too_similar" {
		t.Errorf("the second word is not looked at: %q", got)
	}
}

// A known word counts for nothing: what remains must be a password by itself.
func TestPolicy_knownWordsCountForNothing(t *testing.T) {
	t.Parallel()
	p := NewPolicy(Settings{MinLength: 8, Words: []string{"Acme", "Road Runner", "tnt"}}, "Umbrella Corporation", "id.wayne-enterprises.example", "")
	const email = "bruce.banner@gamma-lab.example"

	for name, row := range map[string]struct {
		password string
		refused  bool
	}{
		"the product's name":                      {"latchkey", true},
		"the product's name with digits":          {"Latchkey2026!", true},
		"the product's name, a letter changed":    {"latchk3y!", true},
		"a word of the operator":                  {"ACME-2026", true},
		"twice":                                   {"acme-acme-acme", true},
		"a word of two":                           {"road runner 1", true},
		"a part of it":                            {"runner!2026", true},
		"with a common password around it":        {"acmepassword", true},
		"the name for passkeys":                   {"corporation26", true},
		"the domain of passkeys":                  {"enterprises-1", true},
		"the local part":                          {"bruce.banner1", true},
		"a half of it":                            {"banner+26+x", true},
		"the domain's label":                      {"gamma-lab-1", true},
		"the whole address":                       {email, true},
		"in a passphrase":                         {"acme sells anvils to coyotes", false},
		"with eight characters around it":         {"acmexq7!kz4w", false},
		"with seven":                              {"acmexq7!kz4", true},
		"a word too short to be looked for":       {"tnt-xq7!kz", false},
		"no word at all":                          {"Tr0ub4dor&3", false},
		"nothing but a short word and more of it": {"tnt7!kz9", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := ""
			if row.refused {
				want = "password_too_similar"
			}
			if got := codes(p, row.password, email); got != want {
				t.Errorf("%q: got %q, want %q", row.password, got, want)
			}
		})
	}
}

func TestSEC38_everyLineOfTheListIsRefused(t *testing.T) {
	t.Parallel()
	zipped, err := gzip.NewReader(bytes.NewReader(commonPasswordsFile))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(zipped)
	if err != nil {
		t.Fatal(err)
	}
	p := NewPolicy(Settings{MinLength: 1})
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		for _, typed := range []string{Normalize(line), strings.ToUpper(Normalize(line))} {
			if !strings.Contains(codes(p, typed), "password_too_common") {
				t.Errorf("%q is not refused", typed)
			}
		}
	}
	if n < 19_000 {
		t.Errorf("the list has %d lines", n)
	}
}
