package limit

import (
	"net/netip"
	"strconv"

	"github.com/google/uuid"
)

// Subject is what a request is counted for: whatever the rates of its action may need.
type Subject struct {
	Address netip.Addr // invalid: not known, and not counted
	Key     string     // such as the email address that a sign-in names
	UserID  int64
	Session uuid.UUID
	// AddressOnly: the request counts for its address alone, whatever else the action counts.
	AddressOnly bool
}

// counted is one counter that a request takes from: a subject as text, and how many times
// the rate it may use.
type counted struct {
	subject string
	budget  int
}

// networks are the IPv6 prefixes that an address counts for. A client has a /64 at least, and
// often a /56 or a /48, so the larger ones have a budget too. It grows more slowly than
// the number of /64 in them.
var networks = []struct{ bits, budget int }{{64, 1}, {56, 2}, {48, 4}}

// of lists the counters of a subject. It is empty for an address that is not known. It reports
// false where the caller has left out what the action counts: such a limit would be none.
func (s Subject) of(per string) ([]counted, bool) {
	if per == perIP {
		return ofAddress(s.Address), true
	}

	if s.AddressOnly {
		return nil, true
	}

	switch per {
	case perUser:
		return one(strconv.FormatInt(s.UserID, 10)), s.UserID != 0
	case perSession:
		return one(s.Session.String()), s.Session != uuid.UUID{}
	case perKey:
		return one(s.Key), s.Key != ""
	case perAll:
		return one("all"), true
	}

	return nil, false
}

func one(subject string) []counted { return []counted{{subject, 1}} }

func ofAddress(address netip.Addr) []counted {
	address = address.Unmap().WithZone("")
	if !address.IsValid() {
		return nil
	}

	if address.Is4() {
		return one(address.String())
	}

	var list []counted
	for _, network := range networks {
		if prefix, err := address.Prefix(network.bits); err == nil {
			list = append(list, counted{prefix.String(), network.budget})
		}
	}

	return list
}
