package argon2

import "sync"

// fillSlice computes one slice of one pass, the segment of each lane in a goroutine of its own.
func (h *Hasher) fillSlice(pass, slice uint32) {
	if h.params.Threads == 1 {
		h.fill(pass, slice, 0)
		return
	}

	var wg sync.WaitGroup
	for lane := range uint32(h.params.Threads) {
		wg.Go(func() { h.fill(pass, slice, lane) })
	}
	wg.Wait()
}

// fill computes one segment (RFC 9106, section 3.4).
//
// Security: in the first half of the first pass, the blocks that are read do not depend on the password:
// that is the "i" of Argon2id. No branch or address of compress depends on data at all
// (TestKey_isTheVectorOfTheRFC).
func (h *Hasher) fill(pass, slice, lane uint32) {
	own := h.blocks[lane*h.lane:][:h.lane]
	s := &h.scratch[lane]
	independent := pass == 0 && slice < slices/2
	if independent {
		lanes := uint64(h.params.Threads)
		s.in = block{uint64(pass), uint64(lane), uint64(slice), lanes * uint64(h.lane), uint64(h.params.Time), typeID}
	}

	first := uint32(0)
	if pass == 0 && slice == 0 {
		first = 2 // fillFirst has computed two
	}
	at := slice*h.segment + first
	prev := (at + h.lane - 1) % h.lane

	for i := first; i < h.segment; i++ {
		random := own[prev][0]
		if independent {
			random = s.address(i, i == first)
		}

		old := &s.zero
		if pass > 0 {
			old = &own[at]
		}

		ref := h.reference(position{pass: pass, slice: slice, lane: lane, index: i}, random)
		compress(&own[at], old, &own[prev], ref, &s.tmp)
		prev = at
		at++
	}
}

// address is the pseudo-random word of block i of a segment, from a stream of words that does not depend on
// the password. A block of them is computed for the first block that is asked for, and when the one before
// is used up.
func (s *scratch) address(i uint32, first bool) uint64 {
	const counter = 6 // the word of the input that numbers the blocks of addresses

	perBlock := uint32(len(s.addresses))
	if first || i%perBlock == 0 {
		s.in[counter]++
		compress(&s.half, &s.zero, &s.zero, &s.in, &s.tmp)
		compress(&s.addresses, &s.zero, &s.zero, &s.half, &s.tmp)
	}

	return s.addresses[i%perBlock]
}

// position says which block of a segment is computed.
type position struct{ pass, slice, lane, index uint32 }

// reference is the block that a pseudo-random word chooses (RFC 9106, section 3.4.1.3 and 3.4.2).
func (h *Hasher) reference(p position, random uint64) *block {
	done, from := p.slice*h.segment, uint32(0) // finished blocks of a lane, and the first of them
	if p.pass > 0 {
		done, from = (slices-1)*h.segment, (p.slice+1)%slices*h.segment
	}

	lane, area := p.lane, done+p.index-1
	mayChoose := h.params.Threads > 1 && (p.pass > 0 || p.slice > 0)
	if mayChoose {
		if chosen := uint32(random>>32) % uint32(h.params.Threads); chosen != p.lane {
			lane, area = chosen, done
			if p.index == 0 {
				area--
			}
		}
	}

	// The distance from the newest block grows with the square: newer blocks are chosen more often.
	x := random & 0xffffffff
	x = x * x >> 32
	distance := uint32(x * uint64(area) >> 32)

	at := from + area - 1 - distance
	if at >= h.lane {
		at -= h.lane
	}

	return &h.blocks[lane*h.lane+at]
}
