package format

import (
	"github.com/go-json-experiment/json"
)

// ReadUser reads the members of a user from a JSON object outside of a file, which may leave out the kind. It
// refuses what a Reader would refuse, with a *LineError.
func ReadUser(object []byte) (*User, error) {
	if len(object) > MaxLine {
		return nil, &LineError{Kind: KindUser, Problem: "is too long"}
	}
	canonical, err := Canonical(object)
	if err != nil {
		return nil, &LineError{Kind: KindUser, Problem: err.Error()}
	}

	var peek struct {
		Kind *Kind `json:"kind"`
	}
	wrongKind := &LineError{Kind: KindUser, Member: "kind", Problem: "is not user"}
	if err := json.Unmarshal(canonical, &peek); err != nil {
		return nil, wrongKind
	}
	switch {
	case peek.Kind == nil:
		user := &User{}
		if problem := decode(canonical, user); problem != nil {
			return nil, problem
		}
		if canonical, err = Encode(user); err != nil {
			return nil, &LineError{Kind: KindUser, Problem: errMalformed.Error()}
		}
	case *peek.Kind != KindUser:
		return nil, wrongKind
	}

	line, err := parse(canonical)
	if err != nil {
		return nil, err
	}

	return line.User, nil
}
