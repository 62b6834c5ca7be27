package password

import (
	"bytes"
	"testing"

	"github.com/alexedwards/argon2id"

	"github.com/latchkey-auth/latchkey/internal/argon2"
)

// What one computes, the other accepts: a server may change between them at each start.
func TestPortable_hashesAreTheSame(t *testing.T) {
	t.Parallel()

	fast, portable := slot(t), slot(t)
	portable.gate.portable = true

	for from, to := range map[*Slot]*Slot{fast: portable, portable: fast} {
		stored, err := from.Hash("correct horse")
		if err != nil {
			t.Fatal(err)
		}
		if right, weak := to.Verify("correct horse", &stored); !right || weak {
			t.Errorf("right %v, weak %v", right, weak)
		}
		if right, _ := to.Verify("correct horsE", &stored); right {
			t.Error("a wrong password is right")
		}

		other, err := argon2id.ComparePasswordAndHash("correct horse", stored)
		if err != nil || !other {
			t.Errorf("the library reads %v, %v", other, err)
		}
	}
}

// A hash allocates little. Were its memory not used again, a storm of sign-ins would take 19 MiB for each.
func TestHash_allocatesNoMemoryOfItsOwn(t *testing.T) {
	s := slot(t)
	if s.gate.portable {
		t.Log("this processor has no AVX2: golang.org/x/crypto allocates for each hash")
		return
	}
	stored, err := s.Hash("correct horse")
	if err != nil {
		t.Fatal(err)
	}

	// Now and then the garbage collector takes the memory, and the next hash allocates it. With the race
	// detector, sync.Pool drops each fourth on purpose.
	result := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			s.Verify("correct horse", &stored)
		}
	})
	if perHash, memory := result.AllocedBytesPerOp(), int64(params.Memory)<<10; perHash > memory/2 {
		t.Errorf("%d bytes for each hash of %d", perHash, memory)
	}
}

// Hashes at the same time share no memory.
func TestHash_manyAtOnce(t *testing.T) {
	t.Parallel()

	s := slot(t)
	salt := bytes.Repeat([]byte{7}, 16)
	want := s.tag("correct horse", salt)

	done := make(chan []byte)
	for range 8 {
		go func() { done <- s.tag("correct horse", salt) }()
	}
	for range 8 {
		if got := <-done; !bytes.Equal(got, want) {
			t.Errorf("%x, want %x", got, want)
		}
	}
}

func TestConfigure_assemblyIsASetting(t *testing.T) {
	t.Parallel()

	for assembly, portable := range map[bool]bool{true: !argon2.Accelerated(), false: true} {
		g := NewGate()
		computes, err := g.Configure(Settings{Assembly: assembly})
		if err != nil || g.portable != portable || (computes == "golang.org/x/crypto") != portable {
			t.Errorf("%v: portable %v, computes %q, %v", assembly, g.portable, computes, err)
		}
	}
}
