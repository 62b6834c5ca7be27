// Package typed owns how text is read that people type or paste: codes, numbers and names. It does
// not own what such a text must look like (internal/code, internal/phone, internal/flow).
package typed

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// Plain returns text in Unicode's form NFKC, with the digits of all scripts as ASCII digits,
// without invisible characters and without outer blanks.
//
// Keyboards write the digits of their language, and what is pasted from a contact or a message may
// be wrapped in characters that nobody sees, such as U+202A. None of it changes what is meant.
func Plain(text string) string {
	return strings.TrimSpace(strings.Map(digit, norm.NFKC.String(visible(text))))
}

// Given returns text without outer blanks; nothing where it has no visible character: the field of a
// form was left empty.
func Given(text string) string {
	if Plain(text) == "" {
		return ""
	}

	return strings.TrimSpace(text)
}

// visible is text without invisible characters.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if isInvisible(r) {
			return -1
		}

		return r
	}, text)
}

// isInvisible reports whether nobody sees a rune: a format character (category Cf), a variation selector, or
// one that programs leave out where they do not know it (Default_Ignorable_Code_Point), such as the fillers
// of Hangul.
func isInvisible(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// HasInvisible reports whether a text has invisible characters.
func HasInvisible(text string) bool { return strings.ContainsFunc(text, isInvisible) }

// Address returns an address in Unicode's form NFC, without outer blanks and without invisible characters.
// In a domain that is not ASCII, the two that tell words apart stay, ZERO WIDTH NON-JOINER and ZERO
// WIDTH JOINER: UTS 46 decides about them.
func Address(text string) string {
	text = strings.TrimSpace(norm.NFC.String(text))
	plain := strings.TrimSpace(visible(text))
	at := strings.LastIndexByte(text, '@')

	plainDomain := plain[strings.LastIndexByte(plain, '@')+1:]
	if !strings.ContainsFunc(plainDomain, func(r rune) bool { return r > unicode.MaxASCII }) {
		return plain
	}

	domain := strings.Map(func(r rune) rune {
		isJoiner := r == '\u200c' || r == '\u200d'
		if isInvisible(r) && !isJoiner {
			return -1
		}

		return r
	}, text[at+1:])

	return strings.TrimSpace(visible(text[:at+1]) + domain)
}

// Folded is text without case, by Unicode's full case folding.
//
// The letters of Cherokee are made capitals first: of them alone the library folds the capital to the
// small letter and the small letter to the capital.
func Folded(text string) string {
	return cases.Fold().String(strings.Map(cherokeeCapital, text)) // a Caser is not for several goroutines
}

// cherokeeCapital is the capital of a small letter of Cherokee, or the rune itself.
func cherokeeCapital(r rune) rune {
	isSmall := r >= '\uab70' && r <= '\uabbf' || r >= '\u13f8' && r <= '\u13fd'
	if !isSmall {
		return r
	}

	return unicode.ToUpper(r)
}

// digit is the ASCII digit for a decimal digit of any script, or the rune itself. Decimal digits
// stand in runs of ten, in order from zero (Unicode Standard, section 4.6).
func digit(r rune) rune {
	if r < unicode.MaxASCII {
		return r
	}

	for _, run := range unicode.Nd.R16 {
		if zero := rune(run.Lo); zero <= r && r <= rune(run.Hi) {
			return '0' + (r-zero)%10
		}
	}

	for _, run := range unicode.Nd.R32 {
		zero, last := rune(run.Lo), rune(run.Hi) //nolint:gosec // no rune exceeds 31 bits
		if zero <= r && r <= last {
			return '0' + (r-zero)%10
		}
	}

	return r
}

// Lower is text in lower case and in Unicode's form NFKC. A capital with a dot, as in Turkish, keeps it: its
// Key stays the same.
func Lower(text string) string { return norm.NFKC.String(cases.Lower(language.Und).String(text)) }

// TwinKey is the key of a name of before that has the Key of another user's name: the name as it is
// stored. No user name has a `=`.
func TwinKey(name string) string { return "=" + name }

// Key returns what two names have in common that nobody can tell apart by reading or hearing them
// as names: Plain without case. It is compared, never shown.
func Key(name string) string {
	return norm.NFKC.String(Folded(Plain(name)))
}

// Decomposed writes letters with accents as the letter and its accents (NFKD), so that the letter
// is left where only ASCII is kept.
func Decomposed(text string) string { return norm.NFKD.String(text) }
