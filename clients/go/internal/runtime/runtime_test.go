package runtime_test

import (
	"testing"

	"github.com/latchkey-auth/latchkey/clients/go/internal/runtime"
)

func TestStyle_parametersAreEscapedWhereTheyMustBe(t *testing.T) {
	t.Parallel()
	query := runtime.StyleParamOptions{ParamLocation: runtime.ParamLocationQuery}
	header := runtime.StyleParamOptions{ParamLocation: runtime.ParamLocationHeader}

	for _, row := range []struct {
		style   string
		options runtime.StyleParamOptions
		value   string
		want    string // "": an error
	}{
		{"form", query, "redirect", "a+name=redirect"},
		{"form", query, "a b&c=d/ü", "a+name=a+b%26c%3Dd%2F%C3%BC"},
		{"simple", header, "a b&c=d/ü", "a b&c=d/ü"},
		{"simple", query, "x", ""},
		{"form", header, "x", ""},
		{"simple", runtime.StyleParamOptions{}, "x", ""},
	} {
		got, err := runtime.StyleParamWithOptions(row.style, true, "a name", row.value, row.options)
		if got != row.want || (err != nil) != (row.want == "") {
			t.Errorf("%s %v %q: got %q, %v, want %q", row.style, row.options, row.value, got, err, row.want)
		}
	}
}

func TestBind_aHeaderIsTextOrASmallNumber(t *testing.T) {
	t.Parallel()
	header := runtime.BindStyledParameterOptions{ParamLocation: runtime.ParamLocationHeader, Required: true}

	for text, want := range map[string]int32{"0": 0, "30": 30, "-1": -1, "2147483647": 2147483647} {
		var number int32
		if err := runtime.BindStyledParameterWithOptions("simple", "Retry-After", text, &number, header); err != nil || number != want {
			t.Errorf("%q: got %d, %v, want %d", text, number, err, want)
		}
	}
	for _, text := range []string{"", "x", "1.5", "2147483648", "Wed, 21 Oct 2026 07:28:00 GMT"} {
		var number int32
		if err := runtime.BindStyledParameterWithOptions("simple", "Retry-After", text, &number, header); err == nil || number != 0 {
			t.Errorf("%q: got %d, want an error", text, number)
		}
	}

	var value string
	if err := runtime.BindStyledParameterWithOptions("simple", "Location", "/a, b", &value, header); err != nil || value != "/a, b" {
		t.Errorf("got %q, %v", value, err)
	}
	if err := runtime.BindStyledParameterWithOptions("simple", "Location", "", &value, header); err == nil {
		t.Error("an empty header that is required is taken")
	}
	if err := runtime.BindStyledParameterWithOptions("form", "Location", "x", &value, header); err == nil {
		t.Error("another style is taken")
	}
}
