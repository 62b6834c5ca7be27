package token

import (
	"fmt"
	"runtime"
	"testing"
)

func TestVerified_holdsAtMost16MiB(t *testing.T) {
	c, err := newVerified()
	if err != nil {
		t.Fatal(err)
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for i := range maxVerified + 1000 {
		c.add(fmt.Sprint("token", i), verifiedToken{
			kid: "shared", issuer: "shared", id: fmt.Sprintf("%022d", i), subject: fmt.Sprintf("%036d", i),
		})
	}
	if used := heap() - before; used > 16<<20 {
		t.Errorf("%d entries take %d bytes", c.entries.Len(), used)
	}
	if n := c.entries.Len(); n != maxVerified {
		t.Errorf("%d entries", n)
	}
	runtime.KeepAlive(c)
}
