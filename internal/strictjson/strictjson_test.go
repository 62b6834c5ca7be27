package strictjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/strictjson"
)

// roomy limits are reached by no test that is about something else.
var roomy = strictjson.Limits{Depth: 8, Members: 200, Text: 1 << 10}

func refuses(t *testing.T, text string, want error) {
	t.Helper()
	got, err := strictjson.Object([]byte(text), roomy)
	if !errors.Is(err, want) || got != nil {
		t.Errorf("%q: got %v, %v; want %v", text, got, err, want)
	}
}

func TestObject_readsWhatEncodingJSONReads(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{}`, " \t\r\n{ } \n", `{"a":1}`, `{"a":-0.5e-3,"b":[],"c":{},"d":[1,[2,{"e":null}]],"f":true,"g":false,"h":""}`,
		`{"":1}`, `{"ä":"ö\u00e4\ud83d\ude00😀","\u00fc":1}`, `{"a":"\"\\\/\b\f\n\r\t"}`, `{"a":1e308}`, `{"a":-0}`, "{\"a\":\"\u2028\x7f\"}",
		`{"a b":1,"a":2,"A ":3}`,
		`{"a":{"x":1},"b":{"x":2},"c":[{"x":1},{"x":2}]}`, // the same name in different objects
	} {
		var want map[string]any
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		got, err := strictjson.Object([]byte(text), roomy)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %#v, %v; want %#v", text, got, err, want)
		}
	}
}

// A validator that goes by the exact name and a decoder that does not would see two
// different values (SEC-82).
func TestObject_refusesNamesThatDifferInCase(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"password":"a","PASSWORD":"b"}`, `{"password":"a","Password":"b"}`, `{"password":"a","pa\u0053sword":"b"}`,
		`{"a":{"x":1,"X":2}}`, `{"a":[1,{"x":1,"y":2,"X":3}]}`, `{"ä":1,"Ä":2}`,
		`{"password":"a","paſſword":"b"}`, // the long s: encoding/json takes it for an s
		`{"token":"a","toKen":"b"}`,       // the Kelvin sign
		`{"σ":1,"ς":2}`, `{"Σ":1,"ς":2}`,
	} {
		refuses(t, text, strictjson.ErrMalformed)
	}
}

// Whatever pair of names encoding/json takes for one, Fold does as well.
func TestFold_isAtLeastAsWideAsEncodingJSON(t *testing.T) {
	t.Parallel()
	var fields []reflect.StructField
	for letter := 'a'; letter <= 'z'; letter++ {
		fields = append(fields, reflect.StructField{
			Name: strings.ToUpper(string(letter)), Type: reflect.TypeFor[bool](), Tag: reflect.StructTag(fmt.Sprintf(`json:"%c"`, letter)),
		})
	}
	target := reflect.New(reflect.StructOf(fields))
	for r := rune(1); r < 0x3000; r++ {
		name, err := json.Marshal(string(r))
		if err != nil {
			t.Fatal(err)
		}
		target.Elem().SetZero()
		if err := json.Unmarshal([]byte(`{`+string(name)+`:true}`), target.Interface()); err != nil {
			t.Fatal(err)
		}
		for n := range fields {
			letter := string(rune('a' + n))
			if target.Elem().Field(n).Bool() && strictjson.Fold(string(r)) != strictjson.Fold(letter) {
				t.Errorf("%q is %s for encoding/json, but not for us", r, letter)
			}
		}
	}
}

func TestObject_refusesDuplicateNamesAtAnyDepth(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"a":1,"a":1}`, `{"a":1,"b":2,"a":3}`, `{"a":1,"\u0061":2}`, `{"":1,"":2}`, `{"x":{"a":1,"a":2}}`, `{"x":[[{"a":1,"a":2}]]}`,
		`{"x":{"y":{"z":{"a":1,"a":2}}}}`,
	} {
		refuses(t, text, strictjson.ErrMalformed)
	}
}

func TestObject_refusesWhatIsNotOneObject(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", " ", "\n", `null`, `true`, `1`, `"x"`, `[]`, `[{}]`, `{`, `}`, `{}}`, `{}{}`, `{} {}`, `{}[]`, `{}null`, `{}1`, `{}x`, `{},`, "{}\x00", "{}\u00a0",
		"\ufeff{}", "{\ufeff}", "{}\ufeff", "\xff\xfe{\x00}\x00", "\v{}", "{}\f",
		`{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{,"a":1}`, `{"a" 1}`, `{"a":1 "b":2}`, `{"a"::1}`, `{a:1}`, `{'a':1}`, `{1:1}`, `{null:1}`, `{[]:1}`, `{"a":1`, `{"a":"`,
		`{"a":[1,]}`, `{"a":[,1]}`, `{"a":[1 2]}`, `{"a":[}`, `{"a":{]}`, `{"a":1}//x`, `{/**/}`, `{"a":undefined}`, `{"a":True}`, `{"a":tru}`,
		`{"a":01}`, `{"a":+1}`, `{"a":.5}`, `{"a":1.}`, `{"a":1e}`, `{"a":0x1}`, `{"a":NaN}`, `{"a":Infinity}`, `{"a":-}`, `{"a":1e999}`,
		"{\"a\":\"\n\"}", "{\"a\":\"\x00\"}", "{\"a\":\"\x1f\"}", `{"a":"\x"}`, `{"a":"\u12"}`, `{"a":"\'"}`,
	} {
		refuses(t, text, strictjson.ErrMalformed)
	}
}

// Replaced by U+FFFD, two different passwords would be one.
func TestObject_refusesInvalidUnicode(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		"\xff", "\xc3", "\xc3(", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80",
		`\ud800`, `\udfff`, `\ud800x`, `\ud800\u0041`, `\ud800\ud800`, `\udc00\ud800`, `\ud83d\\ude00`,
	} {
		refuses(t, `{"a":"`+bad+`"}`, strictjson.ErrMalformed)
		refuses(t, `{"`+bad+`":"a"}`, strictjson.ErrMalformed)
		refuses(t, `{"a":{"b":["x`+bad+`y"]}}`, strictjson.ErrMalformed)
	}
}

func TestObject_saysWhichTextsHoldNUL(t *testing.T) {
	t.Parallel()
	for text, paths := range map[string]string{
		`{"a":"\u0000"}`: "a", `{"b":1,"a":"x\u0000y"}`: "a", `{"\u0000":1}`: "", `{"a":{"b":["\u0000"]}}`: "a.b", `{"a":{"x\u0000":1}}`: "",
		`{"a":"\u0000","b":"c","d":"\u0000"}`: "a d", `{"a":["\u0000","\u0000"],"b":{"c":"\u0000"}}`: "a b.c",
	} {
		got, err := strictjson.Object([]byte(text), roomy)
		var null *strictjson.NullError
		if got != nil || !errors.As(err, &null) || strings.Join(null.Paths, " ") != paths || (null.Object == nil) != (paths == "") {
			t.Errorf("%q: got %v, %v; want null characters at %q", text, got, err, paths)
		}
	}
	// What is no object is nothing else.
	for _, text := range []string{`{"a":"\u0000"`, `{"a":"\u0000","b":}`, `{"a":"\u0000","a":1}`, `{"a":"\u0000"}{}`, `{"a":"\u0000"} x`} {
		refuses(t, text, strictjson.ErrMalformed)
	}
}

// A reader that is told "malformed" would look for a mistake in the syntax.
func TestObject_saysWhatIsBeyondALimit(t *testing.T) {
	t.Parallel()
	limits := strictjson.Limits{Depth: 2, Members: 3, Text: 4}
	for _, text := range []string{
		`{"a":[[]]}`, `{"a":{"b":{}}}`, `{"a":[1,2,3]}`, `{"a":1,"b":2,"c":3,"d":4}`, `{"a":"12345"}`, `{"abcde":1}`, `{"a":1e999}`,
	} {
		got, err := strictjson.Object([]byte(text), limits)
		if got != nil || !errors.Is(err, strictjson.ErrTooLarge) || !errors.Is(err, strictjson.ErrMalformed) {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
	for _, text := range []string{`{`, `{"a":1,"a":2}`, `[]`, `{"a":01}`} {
		if _, err := strictjson.Object([]byte(text), limits); errors.Is(err, strictjson.ErrTooLarge) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestSEC82_depthLimit(t *testing.T) {
	t.Parallel()
	nested := func(opening, core, closing string, n int) string {
		return strings.Repeat(opening, n) + core + strings.Repeat(closing, n)
	}
	for depth := 1; depth <= 6; depth++ {
		limits := roomy
		limits.Depth = depth
		for name, at := range map[string]func(n int) string{ // n objects and arrays inside one another
			"objects":                  func(n int) string { return nested(`{"a":`, `1`, `}`, n) },
			"objects, the last empty":  func(n int) string { return nested(`{"a":`, `{}`, `}`, n-1) },
			"arrays":                   func(n int) string { return `{"a":` + nested(`[`, `1`, `]`, n-1) + `}` },
			"arrays, the last empty":   func(n int) string { return `{"a":` + nested(`[`, ``, `]`, n-1) + `}` },
			"the deep one comes later": func(n int) string { return `{"b":[],"c":[],"a":` + nested(`[`, `""`, `]`, n-1) + `}` },
		} {
			if name != "objects" && depth == 1 { // at 1 there is no room for a second container
				continue
			}
			if _, err := strictjson.Object([]byte(at(depth)), limits); err != nil {
				t.Errorf("%s: %s is refused at the limit %d", name, at(depth), depth)
			}
			if _, err := strictjson.Object([]byte(at(depth+1)), limits); !errors.Is(err, strictjson.ErrMalformed) {
				t.Errorf("%s: %s is taken beyond the limit %d", name, at(depth+1), depth)
			}
		}
	}
}

func TestSEC82_memberLimitCountsTheWholeDocument(t *testing.T) {
	t.Parallel()
	limits := roomy
	limits.Members = 6
	for text, accept := range map[string]bool{
		`{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6}`:          true,
		`{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7}`:    false,
		`{"a":[1,2,3,4,5]}`:                              true,
		`{"a":[1,2,3,4,5,6]}`:                            false,
		`{"a":{"b":1},"c":{"d":1},"e":[1]}`:              true,
		`{"a":{"b":1},"c":{"d":1},"e":[1,2]}`:            false,
		`{"a":{"b":1},"c":{"d":1},"e":[[]]}`:             true,
		`{"a":{"b":1},"c":{"d":1},"e":[[[]]]}`:           false,
		`{"a":{"b":1},"c":{"d":1},"e":[{"f":null}]}`:     false,
		`{"a":[` + strings.Repeat(`1,`, 100_000) + `1]}`: false,
	} {
		_, err := strictjson.Object([]byte(text), limits)
		if accept != (err == nil) || (!accept && !errors.Is(err, strictjson.ErrMalformed)) {
			t.Errorf("%.60s: %v, want accept %v", text, err, accept)
		}
	}
}

// The limit is on what the text means, in bytes: an escape counts as what it stands for.
func TestSEC82_textLimit(t *testing.T) {
	t.Parallel()
	limits := roomy
	limits.Text = 8
	for text, accept := range map[string]bool{
		`12345678`: true, `123456789`: false, `ääää`: true, `ääääx`: false, `\u0061\u0061\u0061\u0061\u0061\u0061\u0061\u0061`: true,
		`\u00e4\u00e4\u00e4\u00e4`: true, `\u00e4\u00e4\u00e4\u00e4\u00e4`: false, `😀😀`: true, `😀😀x`: false,
	} {
		for _, whole := range []string{`{"a":"` + text + `"}`, `{"` + text + `":1}`, `{"a":["` + text + `"]}`} {
			_, err := strictjson.Object([]byte(whole), limits)
			if accept != (err == nil) || (!accept && !errors.Is(err, strictjson.ErrMalformed)) {
				t.Errorf("%s: %v, want accept %v", whole, err, accept)
			}
		}
	}
}

func TestObject_keepsNumbersAsWritten(t *testing.T) {
	t.Parallel()
	limits := roomy
	limits.KeepNumbers = true
	for _, number := range []string{"0", "-0", "1.10", "1e5", "1E+05", "9007199254740993", "12345678901234567890123456789", "1e999"} {
		got, err := strictjson.Object([]byte(`{"a":[`+number+`]}`), limits)
		if want := map[string]any{"a": []any{json.Number(number)}}; err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %#v, %v", number, got, err)
		}
	}
	got, err := strictjson.Object([]byte(`{"a":1.10}`), roomy)
	if err != nil || !reflect.DeepEqual(got, map[string]any{"a": 1.1}) {
		t.Errorf("got %#v, %v; want a float64", got, err)
	}
}

// Request bodies live in memory that the server uses again for the next request.
func TestObject_keepsNothingOfItsInput(t *testing.T) {
	t.Parallel()
	limits := roomy
	limits.KeepNumbers = true
	data := []byte(`{"name":"text","number":12345,"list":["more"]}`)
	got, err := strictjson.Object(data, limits)
	if err != nil {
		t.Fatal(err)
	}
	copy(data, bytes.Repeat([]byte("#"), len(data)))
	want := map[string]any{"name": "text", "number": json.Number("12345"), "list": []any{"more"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v", got)
	}
}

// FuzzObject: what we take, encoding/json takes for the same.
func FuzzObject(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":1,"b":[true,null,"x"],"c":{"d":-1.5e3}}`, `{"a":1,"A":2}`, `{"a":1,"a":2}`, "\ufeff{}", `{}x`, `{"a":"\ud83d\ude00"}`, `{"a":"\ud800"}`,
		`{"a":"\u0000"}`, `{"a":[[[[[[[[[]]]]]]]]]}`, `{"s":1,"ſ":2}`, "{\"a\":\"\xff\"}", `{"a":1e400}`, ``, `null`,
	} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, data []byte, keep bool) {
		limits := roomy
		limits.KeepNumbers = keep
		got, err := strictjson.Object(data, limits)
		if err != nil {
			if got != nil || (!errors.Is(err, strictjson.ErrMalformed) && !errors.As(err, new(*strictjson.NullError))) {
				t.Fatalf("%q: got %v, %v", data, got, err)
			}
			return
		}
		decoder := json.NewDecoder(bytes.NewReader(data))
		if keep {
			decoder.UseNumber()
		}
		var want map[string]any
		if err := decoder.Decode(&want); err != nil {
			t.Fatalf("%q: encoding/json says %v", data, err)
		}
		if decoder.More() || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: got %#v, encoding/json has %#v", data, got, want)
		}
	})
}
