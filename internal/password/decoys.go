package password

import (
	"encoding/binary"

	"github.com/latchkey-auth/latchkey/internal/foreignhash"
)

// decoys are what passwords are compared with where there is no hash, as long as some users have hashes of
// other systems.
//
// Timing: those take longer than ours. If each unknown name took as long as a hash of ours, the time of a
// refused sign-in would tell who has moved. So a name without a hash takes as long as some user's hash: each
// name always the same kind, and all names together the kinds in their proportion
// (TestSEC40_anUnknownNameTakesAsLongAsAMovedUser).
type decoys struct {
	share float64 // of passwords that other systems hashed
	kinds []foreignhash.Hash
}

// SetDecoys sets what passwords are compared with where there is no hash. sample are stored hashes in the
// proportion in which users have them; share, from 0 to 1, is that of such hashes among all. Servers call it
// again as users sign in and the share falls.
func (g *Gate) SetDecoys(sample []string, share float64) {
	var kinds []foreignhash.Hash
	for _, stored := range sample {
		if h, err := foreignhash.Read(stored, g.foreignKeys); err == nil {
			kinds = append(kinds, h.Decoy())
		}
	}

	if len(kinds) == 0 {
		g.decoys.Store(nil)
		return
	}
	g.decoys.Store(&decoys{share: share, kinds: kinds})
}

// decoyOf returns the hash of another system that stands for a name without a hash; nil for one of ours.
func (g *Gate) decoyOf(name string) foreignhash.Hash {
	d := g.decoys.Load()
	if d == nil || name == "" {
		return nil
	}

	// Without the key nobody can compute which kind a name has.
	mac := g.Key.MAC()
	_, _ = mac.Write([]byte("decoy|" + name))

	const mantissa = 53 // bits of a float64
	drawn := float64(binary.BigEndian.Uint64(mac.Sum(nil))>>(64-mantissa)) / (1 << mantissa)
	if drawn >= d.share {
		return nil
	}

	at := int(drawn / d.share * float64(len(d.kinds)))

	return d.kinds[min(at, len(d.kinds)-1)]
}

// compareWithDecoy costs what a comparison costs for a name that has no hash.
func (s *Slot) compareWithDecoy(name, typed string) {
	foreign := s.gate.decoyOf(name)
	if foreign == nil {
		s.matches(Normalize(typed), decoySalt, decoyTag)
		return
	}

	for _, spelling := range spellings(typed) {
		foreign.Matches(spelling)
	}
}
