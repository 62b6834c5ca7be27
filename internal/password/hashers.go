package password

import (
	"sync"
	"time"

	"github.com/latchkey-auth/latchkey/internal/argon2"
)

// keepIdle is how long the memory of a hash is kept for the next one. To get it from the system anew costs
// about a third of a hash.
const keepIdle = 5 * time.Second

// hashers are what computes hashes with today's parameters: 19 MiB each, outside of Go's heap. There are never
// more than hashed at the same time, and those that nobody needs give their memory back to the system.
type hashers struct {
	mutex sync.Mutex
	// idle has the one that was used last at its end. That one is used next, so that the others age.
	idle []idleHasher
	// aging reports whether a timer will close what is idle too long.
	aging bool
}

type idleHasher struct {
	*argon2.Hasher
	since time.Time
}

// take returns a hasher for one hash. The caller puts it back.
func (l *hashers) take() *argon2.Hasher {
	l.mutex.Lock()
	defer l.mutex.Unlock()

	if last := len(l.idle) - 1; last >= 0 {
		h := l.idle[last].Hasher
		l.idle = l.idle[:last]

		return h
	}

	h, err := argon2.New(argon2.Params{
		Time: params.Iterations, Memory: params.Memory, Threads: params.Parallelism, KeyLen: params.KeyLength,
	})
	if err != nil {
		panic(err) // the parameters are constants
	}

	return h
}

// put takes a hasher back.
//
// Security: a dump of the process's memory shows no state of a password that was hashed before
// (TestWipe_leavesNothing).
func (l *hashers) put(h *argon2.Hasher) {
	h.Wipe()

	l.mutex.Lock()
	defer l.mutex.Unlock()

	l.idle = append(l.idle, idleHasher{h, time.Now()})
	if !l.aging {
		l.aging = true
		time.AfterFunc(keepIdle, l.age)
	}
}

// age closes the hashers that nobody has used for a while, and looks again later where some are left.
func (l *hashers) age() {
	l.mutex.Lock()
	defer l.mutex.Unlock()

	now, old := time.Now(), 0
	for old < len(l.idle) && now.Sub(l.idle[old].since) >= keepIdle {
		l.idle[old].Close()
		old++
	}
	l.idle = append([]idleHasher(nil), l.idle[old:]...)

	l.aging = len(l.idle) > 0
	if l.aging {
		time.AfterFunc(keepIdle-now.Sub(l.idle[0].since), l.age)
	}
}
