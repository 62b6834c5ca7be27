package softkey

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/binary"
	"fmt"
	"slices"
)

// What of CBOR (RFC 8949) an authenticator says. Each function returns an encoded item.

type pair struct{ name, value []byte }

func head(major byte, n uint64) []byte {
	major <<= 5
	switch {
	case n < 24:
		return []byte{major | byte(n)}
	case n <= 0xff:
		return []byte{major | 24, byte(n)}
	case n <= 0xffff:
		return binary.BigEndian.AppendUint16([]byte{major | 25}, uint16(n))
	default:
		return binary.BigEndian.AppendUint32([]byte{major | 26}, uint32(n)) //nolint:gosec // nothing here is longer
	}
}

func intOf(n int64) []byte {
	if n < 0 {
		return head(1, uint64(-1-n))
	}

	return head(0, uint64(n))
}

func bytesOf(b []byte) []byte { return append(head(2, uint64(len(b))), b...) }

func textOf(s string) []byte { return append(head(3, uint64(len(s))), s...) }

func mapOf(pairs ...pair) []byte {
	m := head(5, uint64(len(pairs)))
	for _, p := range pairs {
		m = append(append(m, p.name...), p.value...)
	}

	return m
}

// publicKey is a COSE key (RFC 9053), its members in the order that CTAP2 wants.
func publicKey(private crypto.Signer, alg int64) []byte {
	member := func(name int64, value []byte) pair { return pair{intOf(name), value} }
	switch p := private.Public().(type) {
	case *ecdsa.PublicKey:
		point, err := p.Bytes() // 4, x, y
		must(err)

		x, y, curve := point[1:1+len(point)/2], point[1+len(point)/2:], int64(1)
		if len(x) == 48 {
			curve = 2
		}

		return mapOf(member(1, intOf(2)), member(3, intOf(alg)), member(-1, intOf(curve)), member(-2, bytesOf(x)), member(-3, bytesOf(y)))
	case ed25519.PublicKey:
		return mapOf(member(1, intOf(1)), member(3, intOf(alg)), member(-1, intOf(6)), member(-2, bytesOf(p)))
	case *rsa.PublicKey:
		exponent := binary.BigEndian.AppendUint32(nil, uint32(p.E)) //nolint:gosec // 65537
		exponent = exponent[slices.IndexFunc(exponent, func(b byte) bool { return b != 0 }):]
		return mapOf(member(1, intOf(3)), member(3, intOf(alg)), member(-1, bytesOf(p.N.Bytes())), member(-2, bytesOf(exponent)))
	default:
		panic(fmt.Sprintf("softkey: no COSE form for %T", p))
	}
}
