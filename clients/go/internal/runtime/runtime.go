// Package runtime has what the generated client calls: parameters as text, and headers of answers.
//
// It has the names of github.com/oapi-codegen/runtime, whose module requires three web frameworks, and only the
// kinds of values that openapi.yaml has. A value of another kind does not compile, a parameter at another
// place is an error.
package runtime

import (
	"fmt"
	"net/url"
	"strconv"
)

// ParamLocation is where a parameter is.
type ParamLocation int

// The places that openapi.yaml has.
const (
	ParamLocationQuery ParamLocation = iota + 1
	ParamLocationHeader
)

// StyleParamOptions says where a parameter goes, and what the document calls it.
type StyleParamOptions struct {
	ParamLocation ParamLocation
	Type, Format  string
}

// StyleParamWithOptions returns a parameter as it is sent: `name=value` of a query, or the value of a header.
func StyleParamWithOptions[T ~string](style string, _ bool, name string, value T, options StyleParamOptions) (string, error) {
	switch {
	case style == "form" && options.ParamLocation == ParamLocationQuery:
		return url.QueryEscape(name) + "=" + url.QueryEscape(string(value)), nil
	case style == "simple" && options.ParamLocation == ParamLocationHeader:
		return string(value), nil
	default:
		return "", fmt.Errorf("parameter %s: no style %s at this place", name, style)
	}
}

// BindStyledParameterOptions says where a parameter was, and what the document calls it.
type BindStyledParameterOptions struct {
	ParamLocation     ParamLocation
	Explode, Required bool
	Type, Format      string
}

// BindStyledParameterWithOptions reads a header of an answer into dest.
func BindStyledParameterWithOptions[T string | int32](style, name, value string, dest *T, options BindStyledParameterOptions) error {
	if style != "simple" || options.ParamLocation != ParamLocationHeader {
		return fmt.Errorf("parameter %s: no style %s at this place", name, style)
	}
	if options.Required && value == "" {
		return fmt.Errorf("header %s is empty", name)
	}

	switch dest := any(dest).(type) {
	case *string:
		*dest = value
	case *int32:
		number, err := strconv.ParseInt(value, 10, 32)
		if err != nil {
			return fmt.Errorf("header %s: %w", name, err)
		}
		*dest = int32(number)
	}

	return nil
}
