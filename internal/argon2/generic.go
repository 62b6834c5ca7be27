package argon2

import "math/bits"

// compressGeneric sets out to old ^ G(prev, ref) of RFC 9106, section 3.5. tmp is scratch. It is what
// the assembly is tested against.
func compressGeneric(out, old, prev, ref, tmp *block) {
	for i := range tmp {
		tmp[i] = prev[i] ^ ref[i]
	}
	for i := range out {
		out[i] = old[i] ^ tmp[i]
	}

	for row := 0; row < 128; row += 16 {
		permute(tmp, row, 2)
	}
	for column := 0; column < 16; column += 2 {
		permute(tmp, column, 16)
	}

	for i := range out {
		out[i] ^= tmp[i]
	}
}

// permute is P (RFC 9106, section 3.6) on the eight pairs of words at i, i+step, and so on.
func permute(b *block, i, step int) {
	var v [16]uint64
	for k := range 8 {
		v[2*k], v[2*k+1] = b[i+k*step], b[i+k*step+1]
	}

	for k := range 4 { // columns
		mixFour(&v[k], &v[4+k], &v[8+k], &v[12+k])
	}
	for k := range 4 { // diagonals
		mixFour(&v[k], &v[4+(k+1)%4], &v[8+(k+2)%4], &v[12+(k+3)%4])
	}

	for k := range 8 {
		b[i+k*step], b[i+k*step+1] = v[2*k], v[2*k+1]
	}
}

// mixFour is GB (RFC 9106, section 3.6).
func mixFour(a, b, c, d *uint64) {
	*a, *d = mix(*a, *b, *d, 32)
	*c, *b = mix(*c, *d, *b, 24)
	*a, *d = mix(*a, *b, *d, 16)
	*c, *b = mix(*c, *d, *b, 63)
}

// mix is a quarter of GB: x += y + 2*lo(x)*lo(y), z = (z ^ x) >>> n.
func mix(x, y, z uint64, n int) (uint64, uint64) {
	const low = 0xffffffff
	x += y + 2*(x&low)*(y&low)
	return x, bits.RotateLeft64(z^x, -n)
}
