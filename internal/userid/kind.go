package userid

import "slices"

// Kind is how the subjects of new users are drawn: a value of LATCHKEY_USER_IDS.
type Kind string

// The kinds. Int31, Int52 and Int63 are ids; the other two are subjects beside an id of 52 bits.
const (
	Int31 Kind = "int31"
	Int52 Kind = "int52"
	Int63 Kind = "int63"
	UUID  Kind = "uuid"
	Text  Kind = "text"
)

// Kinds are all of them.
var Kinds = []Kind{Int52, Int31, Int63, UUID, Text}

// Known reports whether it is one of Kinds.
func (k Kind) Known() bool { return slices.Contains(Kinds, k) }

// Longest is how many characters the subjects of new users have at most. Those of Int52 set the
// measure: each installation may have them.
func (k Kind) Longest() int {
	switch k {
	case Int63:
		return 19
	case UUID:
		return 36
	case Text:
		return 26
	}

	return 16
}
