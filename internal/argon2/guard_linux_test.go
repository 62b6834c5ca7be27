package argon2

import (
	"math/rand/v2"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// guarded returns a block between two pages that fault: it ends at the upper one or, if low, begins after
// the lower one. After seal, writing to it faults.
func guarded(t *testing.T, low bool) (b *block, seal func()) {
	t.Helper()

	p := unix.Getpagesize()
	m, err := unix.Mmap(-1, 0, 3*p, unix.PROT_NONE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Munmap(m) })

	mid := m[p : 2*p]
	protect := func(prot int) {
		if err := unix.Mprotect(mid, prot); err != nil {
			t.Fatal(err)
		}
	}
	protect(unix.PROT_READ | unix.PROT_WRITE)

	at := p - 1024
	if low {
		at = 0
	}

	return (*block)(unsafe.Pointer(&mid[at])), func() { protect(unix.PROT_READ) }
}

// compress reads and writes its blocks alone, and does not write to prev, ref and old.
func TestCompress_staysInItsBlocks(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		for _, low := range []bool{false, true} {
			r := rand.New(rand.NewPCG(3, 4))
			var want, spare block
			out, _ := guarded(t, low)
			tmp, _ := guarded(t, low)
			old, seal1 := guarded(t, low)
			prev, seal2 := guarded(t, low)
			ref, seal3 := guarded(t, low)
			for i := range prev {
				prev[i], ref[i], old[i] = r.Uint64(), r.Uint64(), r.Uint64()
			}

			seal1()
			seal2()
			seal3()

			compressGeneric(&want, old, prev, ref, &spare)
			compress(out, old, prev, ref, tmp)
			if *out != want {
				t.Fatal("differs")
			}
		}
	})
}
