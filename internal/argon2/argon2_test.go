package argon2

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"testing"

	xargon2 "golang.org/x/crypto/argon2"
)

// atEveryLevel runs a test with each code that this processor has. It is not parallel: the level is the
// package's.
func atEveryLevel(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	best := level
	t.Cleanup(func() { level = best })

	for level = generic; level <= best; level++ {
		t.Run(level.String(), test)
	}
}

func mustNew(t testing.TB, p Params) *Hasher {
	t.Helper()

	h, err := New(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)

	return h
}

// RFC 9106, section 5.3.
func TestKey_isTheVectorOfTheRFC(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		h := mustNew(t, Params{Time: 3, Memory: 32, Threads: 4, KeyLen: 32})
		fill := func(c byte, n int) []byte { return bytes.Repeat([]byte{c}, n) }

		got := hex.EncodeToString(h.keyWith(nil, fill(1, 32), fill(2, 16), fill(3, 8), fill(4, 12)))
		if want := "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

// source draws parameters and texts.
type source struct{ *rand.Rand }

func (s source) text(most int) []byte {
	text := make([]byte, s.IntN(most+1))
	for i := range text {
		text[i] = byte(s.Uint32())
	}

	return text
}

func (s source) params() Params {
	return Params{Time: 1 + s.Uint32N(3), Memory: 1 + s.Uint32N(600), Threads: uint8(1 + s.IntN(4)), KeyLen: 4 + s.Uint32N(200)}
}

func TestKey_equalsXCrypto(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		s := source{rand.New(rand.NewPCG(9106, uint64(level)))}
		for i := range 200 {
			p := s.params()
			if i < 2 { // what passwords are stored with
				p = Params{Time: 2, Memory: 19456, Threads: 1, KeyLen: 32}
			}

			h := mustNew(t, p)
			for range 2 { // the second time over memory that was used
				password, salt := s.text(300), s.text(200)
				want := xargon2.IDKey(password, salt, p.Time, p.Memory, p.Threads, p.KeyLen)
				if got := h.Key(nil, password, salt); !bytes.Equal(got, want) {
					t.Fatalf("%d: %+v: %x, want %x", i, p, got, want)
				}
			}
		}
	})
}

// FuzzKey compares with x/crypto over all parameters that a stored hash may have.
func FuzzKey(f *testing.F) {
	f.Add(uint8(2), uint16(64), uint8(1), uint8(28), []byte("password"), []byte("0123456789abcdef"))
	f.Add(uint8(1), uint16(0), uint8(15), uint8(0), []byte{}, []byte{})
	f.Fuzz(func(t *testing.T, passes uint8, memory uint16, lanes, length uint8, password, salt []byte) {
		p := Params{
			Time: 1 + uint32(passes)%10, Memory: uint32(memory) % 2048, Threads: 1 + lanes%16, KeyLen: 4 + uint32(length),
		}

		want := xargon2.IDKey(password, salt, p.Time, p.Memory, p.Threads, p.KeyLen)
		if got := mustNew(t, p).Key(nil, password, salt); !bytes.Equal(got, want) {
			t.Fatalf("%+v: %x, want %x", p, got, want)
		}
	})
}

// Each code on random blocks, against the one in Go.
func TestCompress_equalsTheCodeInGo(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		var prev, ref, old, tmp block
		for i := range 20000 {
			for k := range prev {
				prev[k], ref[k], old[k] = r.Uint64(), r.Uint64(), r.Uint64()
				switch i % 4 { // carries, and zeros
				case 1:
					prev[k] |= 0xffffffff00000000
				case 2:
					prev[k], ref[k] = -(prev[k] & 1), 0
				}
			}

			prevBefore, refBefore, want, got := prev, ref, old, old
			if i%2 == 0 {
				compressGeneric(&want, &want, &prev, &ref, &tmp)
				compress(&got, &got, &prev, &ref, &tmp)
			} else {
				compressGeneric(&want, &old, &prev, &ref, &tmp)
				compress(&got, &old, &prev, &ref, &tmp)
			}
			if got != want {
				t.Fatalf("block %d differs", i)
			}
			if prev != prevBefore || ref != refBefore {
				t.Fatalf("block %d: an input was changed", i)
			}
		}
	})
}

func TestKey_allocatesNothing(t *testing.T) {
	h := mustNew(t, Params{Time: 1, Memory: 64, Threads: 1, KeyLen: 32})
	key, password, salt := make([]byte, 0, 32), []byte("password"), []byte("saltsaltsaltsalt")

	if n := testing.AllocsPerRun(100, func() { key = h.Key(key[:0], password, salt) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestWipe_leavesNothing(t *testing.T) {
	h := mustNew(t, Params{Time: 1, Memory: 64, Threads: 2, KeyLen: 100})
	password, salt := []byte("a long enough password"), []byte("saltsaltsaltsalt")
	want := xargon2.IDKey(password, salt, 1, 64, 2, 100)

	h.Key(nil, password, salt)
	h.Wipe()

	for i, b := range h.blocks {
		if b != (block{}) {
			t.Fatalf("block %d was not wiped", i)
		}
	}
	for i, s := range h.scratch {
		if s != (scratch{}) {
			t.Fatalf("the scratch of lane %d was not wiped", i)
		}
	}
	if h.bytes != [blockBytes]byte{} || h.input != [128]byte{} {
		t.Error("buffers were not wiped")
	}
	if got := h.Key(nil, password, salt); !bytes.Equal(got, want) {
		t.Errorf("after Wipe: %x, want %x", got, want)
	}
}

func TestNew_refusesParametersOutOfRange(t *testing.T) {
	for name, p := range map[string]Params{
		"no pass": {Memory: 8, Threads: 1, KeyLen: 32}, "no lane": {Time: 1, Memory: 8, KeyLen: 32},
		"a short tag": {Time: 1, Memory: 8, Threads: 1, KeyLen: 3}, "2 TiB": {Time: 1, Memory: 1<<30 + 1, Threads: 1, KeyLen: 32},
	} {
		if _, err := New(p); !errors.Is(err, ErrParams) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheck_passesAtEveryLevel(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		if err := Check(); err != nil {
			t.Error(err)
		}
	})
}

func BenchmarkKey(b *testing.B) {
	best := level
	b.Cleanup(func() { level = best })
	password, salt := []byte("x"), []byte("saltsaltsaltsalt")

	for level = generic; level <= best; level++ {
		b.Run(level.String(), func(b *testing.B) {
			h := mustNew(b, Params{Time: 2, Memory: 19456, Threads: 1, KeyLen: 32})
			key := make([]byte, 0, 32)
			b.ReportAllocs()
			for b.Loop() {
				key = h.Key(key[:0], password, salt)
			}
		})
	}

	b.Run("x-crypto", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			xargon2.IDKey(password, salt, 2, 19456, 1, 32)
		}
	})
}
