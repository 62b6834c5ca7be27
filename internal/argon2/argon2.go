// Package argon2 computes Argon2id (RFC 9106, version 0x13) in memory that the caller keeps, with AVX2 or
// AVX-512 where the processor has them. It owns the algorithm. It does not own how a hash is written or
// which parameters are enough (internal/password).
//
// Its tags equal those of golang.org/x/crypto/argon2.IDKey (TestKey_equalsXCrypto). Why it stands beside
// that package: docs/decisions/0019-argon2.md.
package argon2

import (
	"encoding/binary"
	"errors"
	"hash"

	"golang.org/x/crypto/blake2b"
)

// Fixed by RFC 9106.
const (
	version = 0x13
	typeID  = 2 // Argon2id
	slices  = 4 // of each lane, in each pass

	blockBytes = 1024
	maxMemory  = 1 << 30 // KiB
)

// block is 1 KiB of Argon2's memory, as 128 little-endian words.
type block = [blockBytes / 8]uint64

// Params are Argon2's costs and the length of the tag.
type Params struct {
	// Time is the number of passes, from 1.
	Time uint32
	// Memory in KiB, at most 1 << 30. Less than 8 * Threads counts as 8 * Threads, as in x/crypto.
	Memory uint32
	// Threads is the number of lanes, from 1. Each is computed by a goroutine of its own.
	Threads uint8
	// KeyLen is the length of the tag in bytes, from 4.
	KeyLen uint32
}

// ErrParams is returned for parameters that RFC 9106 does not allow.
var ErrParams = errors.New("argon2: parameters out of range")

// Hasher computes tags with one set of parameters. It keeps Params.Memory KiB outside of Go's heap until Close,
// and serves one call at a time.
type Hasher struct {
	params  Params
	lane    uint32 // blocks in a lane
	segment uint32 // blocks in a segment
	blocks  []block
	free    func()    // of blocks
	scratch []scratch // one for each lane

	sum512  hash.Hash // BLAKE2b-512
	sumLast hash.Hash // BLAKE2b of the length that the tag's H' ends with; nil where that is 64
	input   [128]byte
	h0      [blake2b.Size + 8]byte
	bytes   [blockBytes]byte
}

// scratch is what one lane needs beside the memory.
type scratch struct{ tmp, in, half, addresses, zero block }

// New allocates a Hasher, which its caller closes. It returns ErrParams for parameters out of range.
func New(p Params) (*Hasher, error) {
	if p.Time < 1 || p.Threads < 1 || p.KeyLen < 4 || p.Memory > maxMemory {
		return nil, ErrParams
	}

	lanes := uint32(p.Threads)
	segment := max(p.Memory/(slices*lanes), 2)
	h := &Hasher{params: p, segment: segment, lane: slices * segment}
	h.blocks, h.free = allocate(int(lanes) * int(h.lane))
	h.scratch = make([]scratch, lanes)

	h.sum512, _ = blake2b.New512(nil) // it fails for keys that are too long only
	if n := lastLength(p.KeyLen); n != blake2b.Size {
		h.sumLast, _ = blake2b.New(n, nil)
	}

	return h, nil
}

// Key appends the tag of a password and a salt to dst. Until the next call or Wipe, the memory keeps what
// the computation left in it.
func (h *Hasher) Key(dst, password, salt []byte) []byte {
	return h.keyWith(dst, password, salt, nil, nil)
}

// keyWith is Key with a secret value and associated data, which the vector of RFC 9106 has.
func (h *Hasher) keyWith(dst, password, salt, secret, data []byte) []byte {
	h.start(password, salt, secret, data)
	h.fillFirst()

	for pass := range h.params.Time {
		for slice := range uint32(slices) {
			h.fillSlice(pass, slice)
		}
	}

	// The last blocks of all lanes together give the tag.
	last := &h.blocks[h.lane-1]
	for lane := uint32(1); lane < uint32(h.params.Threads); lane++ {
		for i, word := range h.blocks[(lane+1)*h.lane-1] {
			last[i] ^= word
		}
	}
	for i, word := range last {
		binary.LittleEndian.PutUint64(h.bytes[8*i:], word)
	}

	n := len(dst)
	dst = append(dst, make([]byte, h.params.KeyLen)...)
	h.expand(dst[n:], h.bytes[:])

	return dst
}

// Close frees the memory. The Hasher cannot be used afterwards, and a second call does nothing.
func (h *Hasher) Close() {
	if h.blocks == nil {
		return
	}

	h.blocks = nil
	h.free()
}

// Wipe overwrites what the last call left in the memory.
func (h *Hasher) Wipe() {
	clear(h.blocks)
	clear(h.scratch)
	clear(h.bytes[:])
	clear(h.h0[:])
	clear(h.input[:])

	for _, sum := range []hash.Hash{h.sum512, h.sumLast} {
		if sum == nil {
			continue
		}

		// A digest keeps its last block of input: this one has zeros.
		sum.Reset()
		_, _ = sum.Write(h.input[:])
		sum.Reset()
	}
}

// start computes H0 (RFC 9106, section 3.2, step 1).
func (h *Hasher) start(password, salt, secret, data []byte) {
	h.sum512.Reset()

	order := binary.LittleEndian
	numbers := order.AppendUint32(h.input[:0], uint32(h.params.Threads))
	for _, n := range [...]uint32{h.params.KeyLen, h.params.Memory, h.params.Time, version, typeID} {
		numbers = order.AppendUint32(numbers, n)
	}
	_, _ = h.sum512.Write(numbers)

	for _, text := range [...][]byte{password, salt, secret, data} {
		_, _ = h.sum512.Write(order.AppendUint32(h.input[:0], uint32(len(text)))) //nolint:gosec // G115: inputs have less than 4 GiB
		_, _ = h.sum512.Write(text)
	}

	h.sum512.Sum(h.h0[:0])
}

// fillFirst computes the first two blocks of each lane (RFC 9106, section 3.2, steps 3 and 4).
func (h *Hasher) fillFirst() {
	order := binary.LittleEndian
	for lane := range uint32(h.params.Threads) {
		order.PutUint32(h.h0[blake2b.Size+4:], lane)

		for i := range uint32(2) {
			order.PutUint32(h.h0[blake2b.Size:], i)
			h.expand(h.bytes[:], h.h0[:])

			b := &h.blocks[lane*h.lane+i]
			for k := range b {
				b[k] = order.Uint64(h.bytes[8*k:])
			}
		}
	}
}

// lastLength is the length in bytes of the BLAKE2b that H' of n bytes ends with.
func lastLength(n uint32) int {
	for n > blake2b.Size {
		n -= blake2b.Size / 2
	}

	return int(n)
}

// expand computes H' (RFC 9106, section 3.3) of in. The length of out is that of a block or of the tag.
func (h *Hasher) expand(out, in []byte) {
	first := h.sum512
	if len(out) < blake2b.Size {
		first = h.sumLast
	}

	first.Reset()
	_, _ = first.Write(binary.LittleEndian.AppendUint32(h.input[:0], uint32(len(out)))) //nolint:gosec // G115: see above
	_, _ = first.Write(in)
	if len(out) <= blake2b.Size {
		first.Sum(out[:0])
		return
	}

	v := h.input[:blake2b.Size]
	first.Sum(v[:0])
	out = out[copy(out, v[:blake2b.Size/2]):]
	for len(out) > blake2b.Size {
		sum := blake2b.Sum512(v)
		copy(v, sum[:])
		out = out[copy(out, v[:blake2b.Size/2]):]
	}

	last := h.sum512
	if len(out) < blake2b.Size {
		last = h.sumLast
	}

	last.Reset()
	_, _ = last.Write(v)
	last.Sum(out[:0])
}
