//go:build !amd64 || purego

package argon2

// level is the best code that this processor runs.
var level = generic

// compress sets out to old ^ G(prev, ref). out may be old, but not prev or ref. tmp is scratch.
func compress(out, old, prev, ref, tmp *block) {
	compressGeneric(out, old, prev, ref, tmp)
}
