package argon2

import (
	"fmt"
	"math/rand/v2"
	"os"
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

// addressSpace is the size of everything that this process has mapped, in GiB.
func addressSpace(t *testing.T) int {
	t.Helper()

	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var pages int
	if _, err := fmt.Sscan(string(text), &pages); err != nil {
		t.Fatal(err)
	}

	return pages / (1 << 30 / unix.Getpagesize())
}

// Close frees the memory at once, and once.
func TestClose_freesTheBlocks(t *testing.T) {
	before := addressSpace(t)
	for range 100 {
		h, err := New(Params{Time: 1, Memory: 1 << 20, Threads: 1, KeyLen: 32})
		if err != nil {
			t.Fatal(err)
		}
		h.blocks[0][0] = 1
		h.Close()
		h.Close()
	}

	if grown := addressSpace(t) - before; grown > 50 {
		t.Errorf("100 closed hashers of 1 GiB have %d GiB", grown)
	}
}
