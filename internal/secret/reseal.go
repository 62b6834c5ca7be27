package secret

import (
	"slices"
	"strings"
)

// Resealing moves secrets to the newest key, and counts them. One that cannot be opened is left
// as it is and keeps no other: it may be read again once its key is back.
type Resealing struct {
	Keys *Sealer
	// Moved were sealed with another key, and are with the newest now.
	Moved int
	// Unreadable cannot be opened. Missing are the keys that would open some of them; damage
	// and a place that is not theirs have none.
	Unreadable int
	Missing    []string
}

// Move seals a text with the newest key, unless that has sealed it already. store keeps it and
// returns how many rows it has changed: none where the secret has changed meanwhile, which
// stays as it is. The only error is store's.
func (r *Resealing) Move(sealed []byte, about string, store func(fresh []byte) (int64, error)) error {
	if strings.HasPrefix(string(sealed), r.Keys.Newest()+":") {
		return nil
	}

	text, err := r.Keys.Open(sealed, about)
	if err != nil {
		r.Unreadable++

		id, _, found := strings.Cut(string(sealed), ":")
		if found && sealingKeyID.MatchString(id) && !r.Keys.Has(id) && !slices.Contains(r.Missing, id) {
			r.Missing = append(r.Missing, id)
		}

		return nil
	}

	n, err := store(r.Keys.Seal(text, about))
	r.Moved += int(n)

	return err
}
