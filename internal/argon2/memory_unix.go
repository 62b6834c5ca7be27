//go:build unix

package argon2

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// allocate returns zeroed blocks outside of Go's heap, and what frees them. In the heap, the 19 MiB of a hash
// let the garbage collector wait until as much garbage has come together again. Where the system refuses,
// they are in the heap.
func allocate(n int) (blocks []block, free func()) {
	memory, err := unix.Mmap(-1, 0, n*blockBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return make([]block, n), func() {}
	}

	// The memory begins at a page, so that every block is aligned.
	first := (*block)(unsafe.Pointer(unsafe.SliceData(memory))) //nolint:gosec // G103: the n blocks that were mapped

	return unsafe.Slice(first, n), func() { _ = unix.Munmap(memory) } //nolint:gosec // G103: the same n blocks
}
