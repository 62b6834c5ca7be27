package typed

import "testing"

func TestCode_lettersAndDigitsCount(t *testing.T) {
	t.Parallel()

	for in, want := range map[string]string{
		"ABCD-EFGH":                  "ABCDEFGH",
		"ABCD\u2010EFGH":             "ABCDEFGH", // the dashes of keyboards and messages
		"ABCD\u2011EFGH":             "ABCDEFGH",
		"ABCD\u2013EFGH":             "ABCDEFGH",
		"ABCD\u2014EFGH":             "ABCDEFGH",
		"ABCD\u2212EFGH":             "ABCDEFGH",
		"ABCD\uff0dEFGH":             "ABCDEFGH",
		"ABCD\u30fbEFGH":             "ABCDEFGH",
		"123\u202f456":               "123456", // blanks
		"123\u00a0456":               "123456",
		"123\t456\r\n":               "123456",
		"1\u20092\u20093":            "123",
		"123.456":                    "123456",
		"(123456)":                   "123456",
		"«123456»":                   "123456",
		"„123456“.":                  "123456",
		"123,456":                    "123456",
		"123\u066c456":               "123456",
		"#123456":                    "123456",
		"1\ufe0f\u20e32\ufe0f\u20e3": "12", // keycaps
		"𝟙𝟚𝟛 ４５６":                    "123456",
		"é\u0301a":                   "éa", // a letter stays another letter
		"АB":                         "АB",
		"\u00ad1\u200d2":             "12",
		"---":                        "",
		"123\x00456":                 "123\x00456", // nobody types these
		"123_456":                    "123_456",
		"":                           "",
	} {
		if got := Code(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
