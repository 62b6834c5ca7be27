package email_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/latchkey-auth/latchkey/internal/email"
)

func times(s string, n int) string { return strings.Repeat(s, n) }

// Each address was put to Django's EmailValidator (5.2), which says the same.
func TestNormalize_takesWhatDjangoTakes(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"a@example.com", "a+tag@example.com", "first.last@sub.sub.example.co", "a@1.2.3.co", "1@example.com", "o'x!#$%&*/=?^_`{|}~-@example.com",
		`"a\"b"@example.com`, `"a@b"@example.com`, `"a..b"@example.com`, `""@example.com`, "\"\x01\"@example.com", "\"\\\t\"@example.com",
		"a@[127.0.0.1]", "a@[::1]", "a@[2001:db8::1]", "a@[::ffff:127.0.0.1]", "a@localhost",
		"a@xn--bcher-kva.example", "a@b.xn--p1ai", "a@r3---sn.example.com",
		"a@" + times("b", 63) + ".com", "a@example." + times("c", 63), "a@a-b.com", "a@a--b.com",
		times("x", 308) + "@example.com", // 320
	} {
		if got, ok := email.Normalize(address); !ok || got != address {
			t.Errorf("%q: got %q, %v", address, got, ok)
		}
	}
}

// Spellings of one address. The domain's are those of UTS 46, so that what a mail client sends to is
// what is stored.
func TestNormalize_spellingsOfOneAddressAreOne(t *testing.T) {
	t.Parallel()
	for want, spellings := range map[string][]string{
		"ada@xn--bcher-kva.example": {
			"ada@b\u00fccher.example", "ada@bu\u0308cher.example", "ADA@B\u00dcCHER.EXAMPLE", "Ada@BU\u0308CHER.example", "ada@\uff42\u00fccher.example",
			"ada@XN--BCHER-KVA.example", "ada@b\u00fccher\u3002example", "ada@b\u00fc\u00adcher.example", "\u202aada@b\u00fccher.example\u202c",
			"ada@b\u00fccher\u200b.example",
		},
		"ada@xn--strae-oqa.example":    {"ada@stra\u00dfe.example", "ADA@STRA\u1e9eE.example", "ada@xn--strae-oqa.example"},
		"ada@strasse.example":          {"ADA@STRASSE.EXAMPLE", "ada@\uff33trasse.example"},
		"ada@istanbul.example":         {"ADA@ISTANBUL.EXAMPLE", "ada@\uff29stanbul.example"},
		"ada@xn--istanbul-o0e.example": {"ada@\u0130stanbul.example", "ada@i\u0307stanbul.example", "ADA@\u0130STANBUL.EXAMPLE"},
		"ada@xn--stanbul-qfb.example":  {"ada@\u0131stanbul.example", "ADA@\u0131STANBUL.example"},
		"ada@example.com": {
			"ADA@EXAMPLE.COM", "ada@\uff45\uff58\uff41\uff4d\uff50\uff4c\uff45.\uff43\uff4f\uff4d", "ada@example\uff0ecom", "ada@example\uff61com",
			"\u200bada@example.com\u200b", "a\u200bda@exam\u200dple.com", "\ufeffada@example.com", "ada@example.com\u2060", "ad\u00ada@example.com",
			"\u00a0ada@example.com\u3000",
		},
		"ada@xn--mgba3gch31f060k.com": {"ada@\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.com"},
		"ada@xn--e1afmkfd.xn--p1ai":   {"ada@\u043f\u0440\u0438\u043c\u0435\u0440.\u0440\u0444", "ADA@\u041f\u0420\u0418\u041c\u0415\u0420.\u0420\u0424"},
		"ada@xn--n3h.net":             {"ada@\u2603.net"},
		"k@example.com":               {"\u212a@example.com", "K@example.com"}, // U+212A is K in the form NFC
		"a@localhost":                 {"A@LOCALHOST", "a@\uff4cocalhost"},
	} {
		for _, spelling := range append(spellings, want) {
			if got, ok := email.Normalize(spelling); !ok || got != want {
				t.Errorf("%q: got %q, %v; want %q", spelling, got, ok, want)
			}
		}
	}
}

// None of these may become an address of ASCII characters: another user may have that mailbox.
func TestNormalize_refusesLocalPartsOfOtherLetters(t *testing.T) {
	t.Parallel()
	for _, local := range []string{
		"\ufb01ona", "\u017fam", "\uff41da", "ada\u00b9", "stra\u00dfe", "\u1e9e", "\u0130da", "\u0131da", "\u00e9mile", "e\u0301mile", "\u0430da", "\u2460", "a\u2024b", "\u0149a", "a\u037a",
	} {
		for _, address := range []string{local + "@example.com", local + "@b\u00fccher.example", `"` + local + `"@example.com`} {
			if got, ok := email.Normalize(address); ok {
				t.Errorf("%q is taken as %q", address, got)
			}
		}
	}
}

func TestNormalize_refusesDomainsThatNoMailGoesTo(t *testing.T) {
	t.Parallel()
	for _, domain := range []string{
		times("\u00e4", 60) + ".com", "b\u00fc..example", "b\u00fc cher.example", "\u00fc\u0085.example", "\u00fc_x.example", "\u05d0a\u00fc.example", "\u0378.example", "-\u00fc.example",
	} {
		if got, ok := email.Normalize("ada@" + domain); ok {
			t.Errorf("%q is taken as %q", domain, got)
		}
	}
}

func TestClaimed_readsNothingKindly(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"ADA@Example.com": "ada@example.com", "ada@b\u00fccher.example": "ada@xn--bcher-kva.example", "": "", "ada": "",
		"\u212a@example.com": "", "\ufb01ona@example.com": "", "a\u200bda@example.com": "", "ada@exa\u200dmple.com": "", "\u202aada@example.com": "",
		times("x", 250) + "@example.com": "",
	} {
		got, ok := email.Claimed(address)
		if ok != (want != "") || (ok && got != want) {
			t.Errorf("%q: got %q, %v; want %q", address, got, ok, want)
		}
	}
}

func TestFormer_isTheFormOfBefore(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		" ADA@B\u00dcCHER.example ": "ada@b\u00fccher.example", "ada@bu\u0308cher.example": "ada@bu\u0308cher.example", "\u017fam@example.com": "\u017fam@example.com",
		"ada@example.com": "", "\u0130da@example.com": "", "\u212a@example.com": "",
	} {
		got, ok := email.Former(address)
		if ok != (want != "") || (ok && got != want) {
			t.Errorf("%q: got %q, %v; want %q", address, got, ok, want)
		}
	}
}

func TestNormalize_refusesWhatDjangoRefuses(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"", " ", "abc", "@", "@example.com", "a@", "example.com", "a@@example.com", "a@b@example.com", "a,b@example.com", "(c)a@example.com", "<a@example.com>",
		"a b@example.com", "a@exa mple.com", "a @example.com", "a@ example.com", "a..b@example.com", ".a@example.com", "a.@example.com", ".@example.com",
		"a@inv-.com", "a@-inv.com", "a@example.com-", "a@example.-com", "a@in-.-v.com", "a@exa_mple.com", "a@example.c", "a@example", "a@.com", "a@example..com",
		"a@example.com.", "a@.", "a@127.0.0.1", "a@" + times("b", 64) + ".com", "a@example." + times("c", 64),
		"a@[127.0.0.256]", "a@[127.0.0]", "a@[]", "a@[::1", "a@::1]", "a@[IPv6:::1]", "a@[1.2.3.4].com", "a@[1.2.3.04]",
		"ä@example.com", `"a"b@example.com`, `"a@example.com`, `a"@example.com`, `"a"b"@example.com`, `"quoted local"@example.com`, "\"a\tb\"@example.com",
		times("x", 309) + "@example.com", // 321
	} {
		if got, ok := email.Normalize(address); ok {
			t.Errorf("%q is taken as %q", address, got)
		}
	}
}

// An address ends up in a mail's header. What some reader of it takes for the end of
// the line would let the rest be a header of its own.
func TestNormalize_refusesLineBreaksAndControlsEverywhere(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"\x00", "\n", "\r", "\r\n", "\r\nBcc: b@example.com", "\v", "\f", "\u0085", "\u009f", "\u00a0", "\x7f", "\x1b"} {
		for _, around := range [][2]string{
			{"a", "@example.com"}, {"a@exa", "mple.com"}, {"a@example.com", "x"}, {"a@[fe80::1%x", "]"}, {"a@[1.2.3.4", "]"}, {"a@local", "host"},
		} {
			if got, ok := email.Normalize(around[0] + bad + around[1]); ok {
				t.Errorf("%q is taken as %q", around[0]+bad+around[1], got)
			}
		}
		if got, ok := email.Normalize(`"a` + bad[:min(1, len(bad))] + `b"@example.com`); ok && strings.ContainsAny(got, "\x00\r\n") {
			t.Errorf("%q in a quoted local part is taken as %q", bad, got)
		}
	}
}

// A zone names a network interface of the sending machine and may hold any text.
func TestNormalize_refusesIPv6Zones(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"a@[fe80::1%eth0]", "a@[fe80::1%1]", "a@[::1%a b]", "a@[::1%25]", "a@[fe80::1%>]"} {
		if got, ok := email.Normalize(address); ok {
			t.Errorf("%q is taken as %q", address, got)
		}
	}
}

func TestNormalize_stripsAndLowersTheWholeAddress(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"A.B@Example.COM": "a.b@example.com", "  a@example.com\t\n": "a@example.com", "\u00a0a@example.com\u2003": "a@example.com",
		"A@LOCALHOST": "a@localhost", "A@[2001:DB8::1]": "a@[2001:db8::1]", "a@EXÄMPLE.com": "a@xn--exmple-cua.com", `"A B"@EXAMPLE.com`: "",
	} {
		got, ok := email.Normalize(address)
		if ok != (want != "") || (ok && got != want) {
			t.Errorf("%q: got %q, %v; want %q", address, got, ok, want)
		}
	}
}

func TestLocalPart_isWhatStandsBeforeTheLastAt(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"a@example.com": "a", `"a@b"@example.com`: `"a@b"`, "none": "none", "@x": "@x", "": "",
		times("x", 151) + "@example.com": times("x", 150), times("ä", 151): times("ä", 150), times("ä", 150) + "@b": times("ä", 150),
	} {
		if got := email.LocalPart(address); got != want {
			t.Errorf("%q: got %q, want %q", address, got, want)
		}
	}
}

// FuzzNormalize: a normalised address stays as it is, and can stand in one line.
func FuzzNormalize(f *testing.F) {
	for _, seed := range []string{
		"a@example.com", " A+B@EXÄMPLE.com ", `"a\ b"@[::1]`, "a@[fe80::1%\r\n]", "\u0130@\u0130.com", "\u212a@\u017f.com", "a@\xffb.com", "a@b\u0085.com", "@", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		got, ok := email.Normalize(address)
		if !ok {
			return
		}
		if again, ok := email.Normalize(got); !ok || again != got {
			t.Fatalf("%q became %q, and that became %q, %v", address, got, again, ok)
		}
		at := strings.LastIndexByte(got, '@')
		if at < 1 || len(got) > 320 || !utf8.ValidString(got) || strings.ContainsAny(got, "\x00\r\n") {
			t.Fatalf("%q is taken as %q", address, got)
		}
		plain := got
		if got[0] == '"' {
			plain = got[at:]
		}
		if strings.ContainsFunc(plain, func(r rune) bool { return unicode.IsControl(r) || r == ' ' || r == '\u00a0' }) {
			t.Fatalf("%q is taken as %q", address, got)
		}
	})
}
