// Command argon2 writes internal/argon2/compress_amd64.s and its stubs: the Argon2 compression
// function G of RFC 9106, section 3.5, for AVX2 and for AVX-512.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// quarter is one set of registers (a, b, c, d) on which GB works lane by lane.
type quarter struct{ a, b, c, d reg.VecVirtual }

// half emits, interleaved over all quarters, half of GB's four steps:
// x += y + 2*lo(x)*lo(y); z = (z ^ x) >>> n.
func half(q []quarter, pick func(quarter) (x, y, z reg.VecVirtual), n int) {
	t := make([]reg.VecVirtual, len(q))
	for i := range q {
		x, y, _ := pick(q[i])
		t[i] = ZMM()
		VPMULUDQ(x, y, t[i])
	}
	for i := range q {
		x, y, _ := pick(q[i])
		VPADDQ(y, x, x)
	}
	for i := range q {
		VPADDQ(t[i], t[i], t[i])
	}
	for i := range q {
		x, _, _ := pick(q[i])
		VPADDQ(t[i], x, x)
	}
	for i := range q {
		x, _, z := pick(q[i])
		VPXORQ(x, z, z)
	}
	for i := range q {
		_, _, z := pick(q[i])
		VPRORQ(U8(n), z, z)
	}
}

// gb emits GB (RFC 9106, section 3.6) on every lane of every quarter.
func gb(q []quarter) {
	abd := func(q quarter) (x, y, z reg.VecVirtual) { return q.a, q.b, q.d }
	cdb := func(q quarter) (x, y, z reg.VecVirtual) { return q.c, q.d, q.b }
	half(q, abd, 32)
	half(q, cdb, 24)
	half(q, abd, 16)
	half(q, cdb, 63)
}

// permuteWide emits the permutation P where each quarter holds v0..v3, v4..v7,
// v8..v11 and v12..v15 of one row in 256 bits. The second GB works on the
// diagonals; b, which is ready last, stays, and a, c and d turn.
func permuteWide(q []quarter) {
	gb(q)
	for _, q := range q {
		VPERMQ(U8(0x93), q.a, q.a) // v3 v0 v1 v2
		VPERMQ(U8(0x4e), q.d, q.d) // v14 v15 v12 v13
		VPERMQ(U8(0x39), q.c, q.c) // v9 v10 v11 v8
	}
	gb(q)
	for _, q := range q {
		VPERMQ(U8(0x39), q.a, q.a)
		VPERMQ(U8(0x4e), q.d, q.d)
		VPERMQ(U8(0x93), q.c, q.c)
	}
}

// join sets dst, 128 bits at a time, to the high word of x and the low word of y.
func join(x, y, dst reg.VecVirtual) { VSHUFPD(U8(0x55), y, x, dst) }

func joinYMM(x, y, dst reg.VecVirtual) { VPALIGNR(U8(8), x, y, dst) }

// permuteNarrow emits P where r[i] holds v2i, v2i+1 in 128 bits, one column in
// every 128 bits; several such groups are interleaved. The registers are
// renamed in place.
func permuteNarrow(groups [][]reg.VecVirtual) {
	quarters := func() (q []quarter) {
		for _, r := range groups {
			q = append(q, quarter{r[0], r[2], r[4], r[6]}, quarter{r[1], r[3], r[5], r[7]})
		}
		return
	}
	gb(quarters())
	for _, r := range groups {
		a0, a1, c0, c1 := ZMM(), ZMM(), ZMM(), ZMM()
		join(r[1], r[0], a0) // v3 v0
		join(r[0], r[1], a1) // v1 v2
		join(r[4], r[5], c0) // v9 v10
		join(r[5], r[4], c1) // v11 v8
		r[0], r[1], r[4], r[5] = a0, a1, c0, c1
		r[6], r[7] = r[7], r[6] // v14 v15, v12 v13
	}
	gb(quarters())
	for _, r := range groups {
		a0, a1, c0, c1 := ZMM(), ZMM(), ZMM(), ZMM()
		join(r[0], r[1], a0)
		join(r[1], r[0], a1)
		join(r[5], r[4], c0)
		join(r[4], r[5], c1)
		r[0], r[1], r[4], r[5] = a0, a1, c0, c1
		r[6], r[7] = r[7], r[6]
	}
}

const doc = "sets out to old ^ G(prev, ref). out may be old, but not prev or ref."

// chains is what avx2 works on at a time: four rows, or four half columns. The
// registers cannot hold 4*4 values and the temporaries, so b and d stay in
// registers and a and c wait in memory: they are needed again only two steps
// after they were computed.
type chains [4]reg.VecVirtual

func ymms() (v chains) {
	for i := range v {
		v[i] = YMM()
	}
	return
}

// step is half for all four chains, x += y + 2*lo(x)*lo(y); z = (z ^ x) >>> n,
// with x in memory at at, or in registers if at is nil. It hands the new x, after
// turn if that is given, to to.
func step(at func(int) Op, x, y, z chains, n int, turn func(chains) chains, to func(i int, v reg.VecVirtual)) {
	t := ymms()
	if at != nil {
		x = ymms()
		for i := range t {
			VPMULUDQ(at(i), y[i], t[i])
		}
		for i := range t {
			VPADDQ(at(i), y[i], x[i])
		}
	} else {
		for i := range t {
			VPMULUDQ(x[i], y[i], t[i])
		}
		for i := range t {
			VPADDQ(y[i], x[i], x[i])
		}
	}
	for i := range t {
		VPADDQ(t[i], t[i], t[i])
	}
	for i := range t {
		VPADDQ(t[i], x[i], x[i])
	}
	for i := range t {
		VPXOR(x[i], z[i], z[i])
	}
	for i := range t {
		v := z[i]
		switch n {
		case 32:
			VPSHUFD(U8(0xb1), v, v)
		case 24:
			VPSHUFB(rot24, v, v)
		case 16:
			VPSHUFB(rot16, v, v)
		case 63:
			u := YMM()
			VPADDQ(v, v, u)
			VPSRLQ(U8(63), v, v)
			VPXOR(u, v, v)
		}
	}
	if turn != nil {
		x = turn(x)
	}
	for i := range x {
		to(i, x[i])
	}
}

var rot24, rot16 Mem

func avx2() {
	TEXT("compressAVX2", NOSPLIT, "func(out, old, prev, ref, tmp *[128]uint64)")
	Pragma("noescape")
	Doc("compressAVX2 "+doc, "tmp is scratch.")
	out, old, prev, ref, tmp := GP64(), GP64(), GP64(), GP64(), GP64()
	Load(Param("out"), out)
	Load(Param("old"), old)
	Load(Param("prev"), prev)
	Load(Param("ref"), ref)
	Load(Param("tmp"), tmp)
	rot24, rot16 = bytes("rot24", 3), bytes("rot16", 2)
	i := GP64()
	mem := func(p reg.Register, disp int) Op { return Mem{Base: p, Index: i, Scale: 1, Disp: disp} }
	// load returns prev ^ ref.
	load := func(at func(int) int) (v chains) {
		v = ymms()
		for k := range v {
			VMOVDQU(mem(prev, at(k)), v[k])
		}
		for k := range v {
			VPXOR(mem(ref, at(k)), v[k], v[k])
		}
		return
	}
	permq := func(imm uint8) func(chains) chains {
		return func(v chains) chains {
			for k := range v {
				VPERMQ(U8(imm), v[k], v[k])
			}
			return v
		}
	}

	Comment("Four rows of 128 bytes at a time.")
	XORQ(i, i)
	Label("rows")
	{
		at := func(part int) func(int) int { return func(k int) int { return 128*k + 32*part } }
		inTmp := func(part int) func(int) Op { return func(k int) Op { return mem(tmp, at(part)(k)) } }
		store := func(part int) func(int, reg.VecVirtual) {
			return func(k int, v reg.VecVirtual) { VMOVDQU(v, mem(tmp, at(part)(k))) }
		}
		a, b := load(at(0)), load(at(1))
		d := load(at(3))
		step(nil, a, b, d, 32, nil, store(0))
		c := load(at(2))
		step(nil, c, d, b, 24, nil, store(2))
		step(inTmp(0), chains{}, b, d, 16, permq(0x93), store(0)) // v3 v0 v1 v2
		step(inTmp(2), chains{}, d, b, 63, permq(0x39), store(2)) // v9 v10 v11 v8
		permq(0x4e)(d)                                            // v14 v15 v12 v13
		step(inTmp(0), chains{}, b, d, 32, nil, store(0))
		step(inTmp(2), chains{}, d, b, 24, nil, store(2))
		step(inTmp(0), chains{}, b, d, 16, permq(0x39), store(0))
		step(inTmp(2), chains{}, d, b, 63, permq(0x93), store(2))
		permq(0x4e)(d)
		for k := range b {
			store(1)(k, b[k])
			store(3)(k, d[k])
		}
	}
	ADDQ(U32(512), i)
	CMPQ(i, U32(1024))
	JNE(LabelRef("rows"))

	Comment("Four columns of 16 bytes at a time.")
	XORQ(i, i)
	Label("columns")
	{
		// Chain k is half (k&1) of the column pair k>>1; part a, b, c, d as above.
		at := func(part int) func(int) int { return func(k int) int { return 128*(2*part+k&1) + 32*(k>>1) } }
		inTmp := func(part int) func(int) Op { return func(k int) Op { return mem(tmp, at(part)(k)) } }
		store := func(part int) func(int, reg.VecVirtual) {
			return func(k int, v reg.VecVirtual) { VMOVDQU(v, mem(tmp, at(part)(k))) }
		}
		finish := func(part int) func(int, reg.VecVirtual) {
			return func(k int, v reg.VecVirtual) {
				VPXOR(mem(prev, at(part)(k)), v, v)
				VPXOR(mem(ref, at(part)(k)), v, v)
				VPXOR(mem(old, at(part)(k)), v, v)
				VMOVDQU(v, mem(out, at(part)(k)))
			}
		}
		get := func(part int) (v chains) {
			v = ymms()
			for k := range v {
				VMOVDQU(inTmp(part)(k), v[k])
			}
			return
		}
		up := func(v chains) (w chains) { // (v1, v0) joined: v3 v0, v1 v2
			w = ymms()
			for k := 0; k < 4; k += 2 {
				joinYMM(v[k+1], v[k], w[k])
				joinYMM(v[k], v[k+1], w[k+1])
			}
			return
		}
		down := func(v chains) (w chains) { // v9 v10, v11 v8
			w = ymms()
			for k := 0; k < 4; k += 2 {
				joinYMM(v[k], v[k+1], w[k])
				joinYMM(v[k+1], v[k], w[k+1])
			}
			return
		}
		b := get(1)
		d := get(3)
		step(inTmp(0), chains{}, b, d, 32, nil, store(0))
		step(inTmp(2), chains{}, d, b, 24, nil, store(2))
		step(inTmp(0), chains{}, b, d, 16, up, store(0))
		step(inTmp(2), chains{}, d, b, 63, down, store(2))
		d = chains{d[1], d[0], d[3], d[2]} // v14 v15, v12 v13
		step(inTmp(0), chains{}, b, d, 32, nil, store(0))
		step(inTmp(2), chains{}, d, b, 24, nil, store(2))
		step(inTmp(0), chains{}, b, d, 16, down, finish(0))
		step(inTmp(2), chains{}, d, b, 63, up, finish(2))
		d = chains{d[1], d[0], d[3], d[2]}
		for k := range b {
			finish(1)(k, b[k])
			finish(3)(k, d[k])
		}
	}
	ADDQ(U32(64), i)
	CMPQ(i, U32(128))
	JNE(LabelRef("columns"))
	VZEROUPPER()
	RET()
}

// bytes is a shuffle that turns every 8 bytes right by n bytes.
func bytes(name string, n int) Mem {
	g := GLOBL(name, RODATA|NOPTR)
	for half := 0; half < 4; half++ {
		var w uint64
		for i := 0; i < 8; i++ {
			w |= uint64(half%2*8+(i+n)%8) << (8 * i)
		}
		DATA(half*8, U64(w))
	}
	return g
}

func avx512() {
	TEXT("compressAVX512", NOSPLIT, "func(out, old, prev, ref *[128]uint64)")
	Pragma("noescape")
	Doc("compressAVX512 " + doc)
	out, old, prev, ref := GP64(), GP64(), GP64(), GP64()
	Load(Param("out"), out)
	Load(Param("old"), old)
	Load(Param("prev"), prev)
	Load(Param("ref"), ref)

	// pair turns x = (x0 x1), y = (y0 y1) into (x0 y0), (x1 y1), 256 bits each.
	pair := func(x, y reg.VecVirtual) (reg.VecVirtual, reg.VecVirtual) {
		lo, hi := ZMM(), ZMM()
		VSHUFI64X2(U8(0x44), y, x, lo)
		VSHUFI64X2(U8(0xee), y, x, hi)
		return lo, hi
	}

	Comment("All eight rows, two in every register.")
	q := make([]quarter, 4)
	for k := range q {
		at := 256 * k
		var v [4]reg.VecVirtual
		for j := range v {
			v[j] = ZMM()
			VMOVDQU64(Mem{Base: prev, Disp: at + 64*j}, v[j])
			VPXORQ(Mem{Base: ref, Disp: at + 64*j}, v[j], v[j])
		}
		q[k].a, q[k].b = pair(v[0], v[2])
		q[k].c, q[k].d = pair(v[1], v[3])
	}
	permuteWide(q)

	Comment("All eight columns, four in every register.")
	left, right := make([]reg.VecVirtual, 8), make([]reg.VecVirtual, 8)
	for k, q := range q {
		left[2*k], left[2*k+1] = pair(q.a, q.b)
		right[2*k], right[2*k+1] = pair(q.c, q.d)
	}
	permuteNarrow([][]reg.VecVirtual{left, right})

	each := func(f func(v reg.VecVirtual, at int)) {
		for k := range left {
			f(left[k], 128*k)
			f(right[k], 128*k+64)
		}
	}
	each(func(v reg.VecVirtual, at int) {
		x := ZMM()
		VMOVDQU64(Mem{Base: prev, Disp: at}, x)
		VPTERNLOGQ(U8(0x96), Mem{Base: ref, Disp: at}, x, v)
	})
	each(func(v reg.VecVirtual, at int) { VPXORQ(Mem{Base: old, Disp: at}, v, v) })
	each(func(v reg.VecVirtual, at int) { VMOVDQU64(v, Mem{Base: out, Disp: at}) })
	VZEROUPPER()
	RET()
}

func main() {
	ConstraintExpr("amd64,!purego")
	avx2()
	avx512()
	Generate()
}
