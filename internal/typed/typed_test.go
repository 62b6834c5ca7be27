package typed

import (
	"testing"
	"unicode"
)

func TestPlain_readsWhatIsMeant(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"123456":                         "123456",
		" 123456\n":                      "123456",
		"٠١٢٣٤٥٦٧٨٩":                     "0123456789", // Arabic
		"۰۱۲۳۴۵۶۷۸۹":                     "0123456789", // Persian
		"०१२३४५६७८९":                     "0123456789", // Hindi
		"๐๑๒๓๔๕๖๗๘๙":                     "0123456789", // Thai
		"１２３４５６":                         "123456",     // full width
		"𝟘𝟙𝟚𝟛":                           "0123",       // of mathematics
		"①²":                             "12",
		"\u202a+31612345678\u202c":       "+31612345678",
		"12\u200b34\u200e56\ufeff":       "123456",
		"＋３１":                            "+31",
		"ﬁona":                           "fiona",
		"E\u0301mile":                    "Émile",
		"":                               "",
		"\u00a0AB\u3000":                 "AB",
		"\U0001f600":                     "\U0001f600",
		"\U000e0041\U000e007fx\u2066y":   "xy",
		"\U00011c50\U0001e950\U0001fbf9": "009",
	} {
		if got := Plain(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestPlain_aDigitOfEachScriptIsOne(t *testing.T) {
	t.Parallel()
	n := 0
	for r := range rune(unicode.MaxRune) {
		if !unicode.Is(unicode.Nd, r) {
			continue
		}
		n++
		if got := Plain(string(r)); len(got) != 1 || got[0] < '0' || got[0] > '9' {
			t.Errorf("%U: %q", r, got)
		}
		if unicode.Is(unicode.Nd, r-1) && Plain(string(r)) != "0" && Plain(string(r))[0] != Plain(string(r - 1))[0]+1 {
			t.Errorf("%U: %q after %q", r, Plain(string(r)), Plain(string(r-1)))
		}
	}
	if n%10 != 0 || n < 600 {
		t.Errorf("%d digits", n)
	}
}

func TestKey_isOneForTwins(t *testing.T) {
	t.Parallel()
	for _, twins := range [][]string{
		{"Émile", "émile", "E\u0301mile", "e\u0301MILE"},
		{"fiona", "ﬁona", "FIONA"},
		{"straße", "STRASSE", "strasse"},
		{"ſam", "sam", "SAM"},
		{"Ｋ", "K", "k", "\u212a"},
		{"zoe", "z\u200boe", "\u202azoe\u202c", "zoe\ufeff", "\u200b zoe \u200b"},
		{"sara37", "sara\u0663\u0667", "SARA\u0e53\u096d", "sara３⁷"},
		{"mia", "mi\ufe0fa", "m\u115fia", "mia\U000e01ef"},
		{"İx", "i\u0307x"},
		{"Ꭰᏸ", "ꭰᏸ", "ꭰᏰ"},
	} {
		for _, twin := range twins {
			if Key(twin) != Key(twins[0]) {
				t.Errorf("%q: %q, %q: %q", twin, Key(twin), twins[0], Key(twins[0]))
			}
		}
	}
	if Key("admin") == Key("аdmin") { // a Cyrillic letter is another one
		t.Error("letters of two scripts are taken for one")
	}
}

// A name in lower case, and its key, have the key of the name.
func TestKey_staysTheSame(t *testing.T) {
	t.Parallel()

	for r := range rune(unicode.MaxRune + 1) {
		name := "a" + string(r) + "b"
		key := Key(name)
		if Key(key) != key || Key(Lower(name)) != key || Key(Plain(name)) != key {
			t.Errorf("%+q: %+q; of the key %+q, in lower case %+q, as it is stored %+q", name, key, Key(key), Key(Lower(name)), Key(Plain(name)))
		}
	}
}

func TestGiven_needsWhatSomebodySees(t *testing.T) {
	t.Parallel()

	for in, want := range map[string]string{
		"": "", " \t\r\n": "", "\u200b": "", "\u202a \u202c": "", "\ufe0f\u3164\u00ad": "", "\u00a0": "",
		" a ": "a", "\u200ba": "\u200ba", "0": "0", "\u0301": "\u0301",
	} {
		if got := Given(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzPlain(f *testing.F) {
	f.Add("١٢٣\u202c")
	f.Add("\xff\u2028é")
	f.Fuzz(func(t *testing.T, text string) {
		if again := Plain(Plain(text)); again != Plain(text) {
			t.Errorf("%q: %q, then %q", text, Plain(text), again)
		}
	})
}
