package outbox

import (
	"errors"
	"fmt"
)

// fault says why a message was not sent. Its text is its code: river and the database store it, so it contains
// no personal data and no secret.
type fault struct {
	code string
	// hopeless means that another attempt cannot succeed.
	hopeless bool
	// cause is for the log. Security: not what a mail server or webhook answered, which may
	// repeat the recipient (TestRefusal_showsNothing).
	cause error
}

// Error is the code.
func (f *fault) Error() string { return f.code }

// later is a fault that may be gone at the next attempt; cause may be nil.
func later(code string, cause error) *fault { return &fault{code: code, cause: cause} }

// never is a fault that stays.
func never(code string, cause error) *fault { return &fault{code: code, hopeless: true, cause: cause} }

// answered is a fault with the number that the other side answered.
func answered(by string, number int, hopeless bool) *fault {
	return &fault{code: fmt.Sprintf("%s_%d", by, number), hopeless: hopeless}
}

// toFault wraps an error that is no fault. Its text is left out, because we do not know what it contains.
func toFault(err error) *fault {
	var f *fault
	if errors.As(err, &f) {
		return f
	}

	return later("failed", nil)
}
