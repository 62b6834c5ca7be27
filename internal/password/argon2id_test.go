package password

import (
	"bytes"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

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

// A hash takes no memory from the garbage collector, not even the first. The collector lets the heap grow by as
// much as is in use, so that a storm of sign-ins would take several times the 19 MiB of each hash.
func TestHash_takesNoMemoryOfTheHeap(t *testing.T) {
	s := slot(t)
	if s.gate.portable {
		t.Log("this processor has no AVX2: golang.org/x/crypto allocates for each hash")
		return
	}

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 3 {
		if _, err := s.Hash("correct horse"); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)

	took, memory := after.TotalAlloc-before.TotalAlloc, uint64(params.Memory)<<10
	if took > memory/2 {
		t.Errorf("3 hashes of %d bytes each allocated %d", memory, took)
	}
}

// Memory that nobody needs goes back to the system, that of the hash that is used again and again stays.
// list is what is idle now: a timer changes it.
func (l *hashers) list() []idleHasher {
	l.mutex.Lock()
	defer l.mutex.Unlock()

	return slices.Clone(l.idle)
}

func TestHashers_giveTheirMemoryBackWhenIdle(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		var l hashers
		used, spare := l.take(), l.take()
		l.put(spare)
		l.put(used)

		for range 3 {
			time.Sleep(keepIdle / 2)
			if h := l.take(); h != used {
				t.Fatal("the hasher that was used last is not used next")
			}
			l.put(used)
		}
		synctest.Wait()
		if idle := l.list(); len(idle) != 1 || idle[0].Hasher != used {
			t.Errorf("after a while, %d hashers have memory, want the one that is in use", len(idle))
		}

		time.Sleep(2 * keepIdle)
		synctest.Wait()
		if n := len(l.list()); n != 0 {
			t.Errorf("idle, %d hashers have memory", n)
		}

		l.put(l.take())
		if n := len(l.list()); n != 1 {
			t.Errorf("%d hashers after the next hash", n)
		}
		time.Sleep(keepIdle)
		synctest.Wait()
	})
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
