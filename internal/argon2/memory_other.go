//go:build !unix

package argon2

// allocate returns zeroed blocks, and what frees them.
func allocate(n int) (blocks []block, free func()) { return make([]block, n), func() {} }
