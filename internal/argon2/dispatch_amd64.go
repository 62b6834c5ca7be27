//go:build amd64 && !purego

package argon2

import "golang.org/x/sys/cpu"

// level is the best code that this processor runs. Tests set it.
var level = func() codeLevel {
	switch {
	case cpu.X86.HasAVX512F:
		return avx512
	case cpu.X86.HasAVX2:
		return avx2
	}

	return generic
}()

// compress sets out to old ^ G(prev, ref). out may be old, but not prev or ref. tmp is scratch.
func compress(out, old, prev, ref, tmp *block) {
	switch level {
	case avx512:
		compressAVX512(out, old, prev, ref)
	case avx2:
		compressAVX2(out, old, prev, ref, tmp)
	default:
		compressGeneric(out, old, prev, ref, tmp)
	}
}
