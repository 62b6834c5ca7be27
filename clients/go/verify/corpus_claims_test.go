package verify_test

import (
	"encoding/base64"
	"fmt"
	"strings"
)

const (
	goodExp = `"exp":1800000300`
	goodIat = `"iat":1800000000`
	goodAud = `"aud":"example"`
	goodIss = `"iss":"https://auth.example.test"`
)

// claimRows are the claims that two parsers could read differently.
func claimRows(f *forge) []row {
	rows := []row{}
	for name, pairs := range map[string][]string{
		"21 exp twice, past then future":    {goodExp, `"exp":1700000000,"exp":1800000300`},
		"21 exp twice, future then past":    {goodExp, `"exp":1800000300,"exp":1700000000`},
		"21 exp twice, one escaped":         {goodExp, `"exp":1800000300,"e\u0078p":1700000000`},
		"21 sub twice":                      {`"sub":"4503599627370495"`, `"sub":"1","sub":"4503599627370495"`},
		"22 exp missing":                    {goodExp + `,`, ``},
		"22 only EXP":                       {goodExp, `"EXP":1800000300`},
		"22 exp plus past Exp":              {goodExp, `"exp":1800000300,"Exp":1700000000`},
		"22 iat missing":                    {goodIat + `,`, ``},
		"22 gen missing":                    {`"gen":7,`, ``},
		"22 jti missing":                    {`"jti":"AAAAAAAAAAAAAAAAAAAAAA",`, ``},
		"22 jti empty":                      {`"AAAAAAAAAAAAAAAAAAAAAA"`, `""`},
		"22 sid missing":                    {`"sid":"AQEBAQEBAQEBAQEBAQEBAQ",`, ``},
		"22 sid too short":                  {`"AQEBAQEBAQEBAQEBAQEBAQ"`, `"AQEBAQEBAQEBAQEBAQEB"`},
		"22 sid with stray bits":            {`"AQEBAQEBAQEBAQEBAQEBAQ"`, `"AQEBAQEBAQEBAQEBAQEBAR"`},
		"22 sid as a dashed UUID":           {`"AQEBAQEBAQEBAQEBAQEBAQ"`, `"01010101-0101-0101-0101-010101010101"`},
		"22 sub missing":                    {`"sub":"4503599627370495",`, ``},
		"22 sub a number":                   {`"4503599627370495"`, `4503599627370495`},
		"22 sub zero":                       {`"4503599627370495"`, `"0"`},
		"22 sub negative":                   {`"4503599627370495"`, `"-1"`},
		"22 sub with a leading zero":        {`"4503599627370495"`, `"04503599627370495"`},
		"22 sub with a plus":                {`"4503599627370495"`, `"+4503599627370495"`},
		"22 sub with a blank":               {`"4503599627370495"`, `" 4503599627370495"`},
		"22 sub beyond 64 bits":             {`"4503599627370495"`, `"45035996273704954503599627370495"`},
		"22 token_use missing":              {`,"token_use":"access"`, ``},
		"22 token_use array":                {`"token_use":"access"`, `"token_use":["access"]`},
		"29 invalid UTF-8 in sub":           {`"4503599627370495"`, "\"4503599627370495\xff\""},
		"29 invalid UTF-8 in another claim": {`"gen":7`, "\"gen\":7,\"x\":\"\xff\""},
		"29 lone surrogate":                 {`"gen":7`, `"gen":7,"x":"\ud800"`},
		"29 NUL":                            {`"gen":7`, `"gen":7,"x":"\u0000"`},
		"30 array nested 9000 deep":         {`"gen":7`, `"gen":7,"x":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000)},
		"30 array nested 1000 deep":         {`"gen":7`, `"gen":7,"x":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000)},
		"30 array nested 5 deep":            {`"gen":7`, `"gen":7,"x":[[[[1]]]]`},
	} {
		rows = append(rows, row{name: name, compact: f.compact(f.header(), f.claimsWith(pairs...))})
	}
	return rows
}

// timeRows: times are plain positive integers, and on the right side of the clock.
func timeRows(f *forge) []row {
	rows := []row{}
	add := func(accept bool, name string, pairs ...string) {
		rows = append(rows, row{name: name, accept: accept, compact: f.compact(f.header(), f.claimsWith(pairs...))})
	}
	for name, value := range map[string]string{
		"23 exp as string": `"1800000300"`, "23 exp as array": `[1800000300]`, "23 exp with a fraction": `1800000300.0`, "23 exp with an exponent": `18000003e2`,
		"24 exp 0": `0`, "24 exp -0": `-0`, "25 exp 99999999999999": `99999999999999`, "25 exp 2^33": fmt.Sprint(1 << 33), "26 exp 1e300": `1e300`,
		"26 exp max int64": `9223372036854775807`, "26 exp beyond int64": `9223372036854775808`, "26 exp negative": `-1800000300`, "26 exp null": `null`,
		"26 exp true": `true`, "26 exp before iat": `1799999999`, "26 exp equal to iat": `1800000000`,
	} {
		add(false, name, goodExp, `"exp":`+value)
	}
	for name, value := range map[string]string{
		"26 iat as string": `"1800000000"`, "26 iat 0": `0`, "26 iat negative": `-1`, "26 iat null": `null`, "26 iat with a fraction": `1800000000.5`,
	} {
		add(false, name, goodIat, `"iat":`+value)
	}
	for name, value := range map[string]string{"26 gen as string": `"7"`, "26 gen 0": `0`, "26 gen negative": `-1`, "26 gen 2^53": fmt.Sprint(1 << 53), "26 gen with a fraction": `7.0`} {
		add(false, name, `"gen":7`, `"gen":`+value)
	}
	// One of the few signs of a foreign issuer: we write no nbf, so none is ours.
	for name, value := range map[string]string{"26 nbf in the future": `1800000031`, "26 nbf in the past": `1`, "26 nbf null": `null`} {
		add(false, name, goodIat, goodIat+`,"nbf":`+value)
	}
	add(false, "26 exp past", goodExp, `"exp":1799999999`, goodIat, `"iat":1799999700`)
	add(false, "26 exp now", goodExp, `"exp":1800000000`, goodIat, `"iat":1799999700`)
	add(false, "26 exp before iat, both ahead of the clock", goodExp, `"exp":1800000010`, goodIat, `"iat":1800000020`)
	add(true, "26 exp in a second", goodExp, `"exp":1800000001`, goodIat, `"iat":1799999701`)
	add(true, "26 iat 120 s in the future", goodExp, `"exp":1800000420`, goodIat, `"iat":1800000120`)
	add(false, "26 iat 121 s in the future", goodExp, `"exp":1800000421`, goodIat, `"iat":1800000121`)
	add(false, "25 exp a second beyond the lifetime", goodExp, `"exp":1800000301`)
	add(true, "26 gen 2^53-1", `"gen":7`, `"gen":9007199254740991`)
	return rows
}

// formRows: claims that are not one object.
func formRows(f *forge) []row {
	c := goodClaims
	rows := []row{}
	for name, text := range map[string]string{
		"27 claims array": `[` + c + `]`, "27 claims null": `null`, "27 claims text": `"x"`, "27 claims number": `1`, "27 BOM first": "\ufeff" + c,
		"28 text after the claims": c + `x`, "28 second object": c + c, "28 NUL after the claims": c + "\x00", "28 brace after the claims": c + `}`,
		"28 truncated": c[:len(c)-1], "28 comma at the end": c[:len(c)-1] + `,}`, "28 comment": c[:len(c)-1] + `/**/}`,
	} {
		rows = append(rows, row{name: name, compact: f.compact(f.header(), text)})
	}
	return append(rows,
		row{name: "44 4096 bytes", compact: f.sized(4096), accept: true},
		row{name: "44 4097 bytes", compact: f.sized(4097)},
		row{name: "44 4098 bytes", compact: f.sized(4098)},
		row{name: "44 one MiB of dots", compact: strings.Repeat(".", 1<<20)},
	)
}

// sized is a token of n bytes in which nothing but the length can be wrong.
func (f *forge) sized(n int) string {
	f.t.Helper()
	for _, blank := range []string{"", " "} { // base64 has no text of 4k+1 characters
		header := f.header() + blank
		room := base64.RawURLEncoding.DecodedLen(n - len(f.compact(header, "")))
		pad := room - len(f.claimsWith(`"gen":7`, `"gen":7,"x":"","y":""`))
		// Two members: a text of that length would be refused for itself.
		x, y := strings.Repeat("x", pad/2), strings.Repeat("y", pad-pad/2)
		if c := f.compact(header, f.claimsWith(`"gen":7`, `"gen":7,"x":"`+x+`","y":"`+y+`"`)); len(c) == n {
			return c
		}
	}
	f.t.Fatalf("no token of %d bytes", n)
	return ""
}

// partyRows: who issued it, for whom, and for what.
func partyRows(f *forge) []row {
	refreshHeader, refreshClaims := f.headerWith(`at+jwt`, `rt+jwt`), f.claimsWith(`"access"`, `"refresh"`)
	rows := []row{
		{name: "34 another installation with our key", compact: f.compact(f.header(), f.claimsWith(goodIss, `"iss":"https://other.example.test"`, goodAud, `"aud":"other"`))},
		{name: "35 id_token of ours", compact: f.compact(f.headerWith(`at+jwt`, `JWT`), f.claimsWith(`"token_use":"access"`, `"nonce":"n"`))},
		{name: "35 token_use id", compact: f.compact(f.header(), f.claimsWith(`"token_use":"access"`, `"token_use":"id"`))},
		{name: "36 refresh as access", compact: f.compact(refreshHeader, refreshClaims)},
		{name: "36 header of the one, claims of the other", compact: f.compact(f.header(), refreshClaims)},
		{name: "36 claims of the one, header of the other", compact: f.compact(refreshHeader, goodClaims)},
		{name: "37 session token", compact: "lkst_" + b64(strings.Repeat("s", 32))},
	}
	for name, value := range map[string]string{
		"31 aud ours plus another": `["example","other"]`, "31 aud another plus ours": `["other","example"]`, "31 aud array of ours alone": `["example"]`,
		"33 wrong aud": `"other"`, "33 aud in capitals": `"EXAMPLE"`, "33 aud as prefix": `"exampl"`, "33 aud longer": `"example2"`, "33 aud null": `null`,
		"33 aud object": `{"example":true}`, "33 aud empty": `""`,
	} {
		rows = append(rows, row{name: name, compact: f.compact(f.header(), f.claimsWith(goodAud, `"aud":`+value))})
	}
	for name, value := range map[string]string{
		"32 wrong iss": `"https://evil.example.test"`, "32 iss with a slash": `"https://auth.example.test/"`, "32 iss in capitals": `"HTTPS://AUTH.EXAMPLE.TEST"`,
		"32 iss array": `["https://auth.example.test"]`, "32 iss null": `null`, "32 iss as prefix": `"https://auth.example.tes"`, "32 iss empty": `""`,
	} {
		rows = append(rows, row{name: name, compact: f.compact(f.header(), f.claimsWith(goodIss, `"iss":`+value))})
	}
	return rows
}
