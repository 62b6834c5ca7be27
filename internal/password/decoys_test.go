package password

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/foreignhash"
	"github.com/latchkey-auth/latchkey/internal/secret"
)

// slowHash takes many times as long as a hash of ours.
const slowHash = "pbkdf2_sha256$400000$Zx8mQ0cT1dLrYw5nKb2HsV$DXUHSVUBSvvrvkGnEx1SA54ssB0ZObXALbO87H1dPHI="

// withDecoys is a slot of a gate whose users have these hashes of other systems, as a share of all.
func withDecoys(t *testing.T, share float64, sample ...string) *Slot {
	t.Helper()

	s := slot(t)
	s.gate.Key = secret.NewKey([]byte("a key of thirty-two characters, yes"))
	s.gate.SetDecoys(sample, share)

	return s
}

func kindOf(h foreignhash.Hash) string {
	if h == nil {
		return "ours"
	}
	kind, _, _ := strings.Cut(h.Kind(), "$")

	return kind
}

func TestSEC40_decoysHaveTheProportionOfTheHashes(t *testing.T) {
	t.Parallel()

	s := withDecoys(t, 0.4, bcryptHash, djangoHash, djangoHash, djangoHash)
	const names = 20000
	counts := map[string]float64{}
	for i := range names {
		name := fmt.Sprintf("user%d@example.com", i)
		kind, again := kindOf(s.gate.decoyOf(name)), kindOf(s.gate.decoyOf(name))
		if kind != again {
			t.Fatalf("the decoy is %s, and then %s", kind, again)
		}
		counts[kind] += 1.0 / names
	}

	for kind, want := range map[string]float64{"ours": 0.6, "bcrypt": 0.1, "pbkdf2_sha1": 0.3} {
		if math.Abs(counts[kind]-want) > 0.02 {
			t.Errorf("%s: %.3f, want %.3f", kind, counts[kind], want)
		}
	}
}

// cpu is what this process has used.
func cpu(t *testing.T) time.Duration {
	t.Helper()

	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}

	return time.Duration(used.Utime.Nano())
}

// Not parallel: it measures CPU.
func TestSEC40_anUnknownNameTakesAsLongAsAMovedUser(t *testing.T) {
	s := withDecoys(t, 1, slowHash)
	least := func(name string, stored *string) time.Duration {
		var took []time.Duration
		for range 5 {
			began := cpu(t)
			s.VerifyOf(name, "not the password", stored)
			took = append(took, cpu(t)-began)
		}

		return slices.Min(took)
	}

	moved := slowHash
	unreadable := "pbkdf2_sha256$9000000$salt$DXUHSVUBSvvrvkGnEx1SA54ssB0ZObXALbO87H1dPHI="
	want := least("ada@example.com", &moved)
	for name, stored := range map[string]*string{"unknown": nil, "unreadable": &unreadable} {
		got := least("nobody@example.com", stored)
		if ratio := float64(got) / float64(want); ratio < 0.5 || ratio > 2 {
			t.Errorf("%s: %v, and a moved user %v", name, got, want)
		}
	}

	s.gate.SetDecoys(nil, 0)
	if got := least("nobody@example.com", nil); got > want/2 {
		t.Errorf("after the last one was stored anew: %v, and a moved user %v", got, want)
	}
}
