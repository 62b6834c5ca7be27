package latchkey

import (
	"context"
	"errors"
	"sync"
)

// ErrLocked says that a store cannot be read or written now because the device, or the
// key that it is under, is locked. Nothing is known then about who is signed in.
var ErrLocked = errors.New("latchkey: the store is locked")

// Slot is one place of a [Store].
type Slot int

// The places of a store. Records alternate between the first two, so that a write that
// broke off leaves the one before readable. SlotSignOut and the three numbered ones contain the
// sessions that have ended here and that the server has still to be told of. SlotDevice contains the
// device token of the last sign-in. It stays after a sign-out, signs nobody in, and goes with a
// deleted account.
const (
	SlotA Slot = iota
	SlotB
	SlotSignOut
	SlotDevice
	SlotSignOut1
	SlotSignOut2
	SlotSignOut3
)

// slotNames are the names of the slots, as a [FileStore] uses them.
var slotNames = [...]string{"slot-0", "slot-1", "sign-out", "device", "sign-out-1", "sign-out-2", "sign-out-3"}

// queueSlots contain what the server has still to be told of.
var queueSlots = [...]Slot{SlotSignOut, SlotSignOut1, SlotSignOut2, SlotSignOut3}

func (s Slot) name() string { return slotNames[s] }

// StoreLock names one of the two locks of a [Store].
type StoreLock int

// LockRefresh is held while a refresh is under way, LockWrite while the slots are
// changed. Whoever holds both took LockRefresh first.
const (
	LockRefresh StoreLock = iota
	LockWrite
)

// Store keeps a session between runs, and may be shared by several processes. Texts are
// at most 1,024 bytes; what stands in them is this package's business, but a secret.
//
// Any error means "unknown": a session keeps what it has and tries again. One that wraps
// [ErrLocked] is told to the app as such.
type Store interface {
	// Read returns the text of a slot, and nil where there is none.
	Read(slot Slot) ([]byte, error)
	// Write replaces the text of a slot, whole or not at all. It is durable when Write
	// returns. A nil text empties the slot.
	Write(slot Slot, text []byte) error
	// Probe fails where Read would say "none" although the store cannot really be read:
	// iOS does so before the first unlock. It is asked when all slots seem empty.
	Probe() error
	// Lock waits until this store's lock is free, across processes, and takes it. A
	// process that dies has let go.
	Lock(ctx context.Context, lock StoreLock) (unlock func(), err error)
}

// MemoryStore is a [Store] that ends with the process. Its zero value is empty.
type MemoryStore struct {
	mu    sync.Mutex
	texts [len(slotNames)]*boxedText
	locks [LockWrite + 1]chan struct{}
}

// boxedText is a text of a slot.
//
// Security: behind two pointers, as in box.
type boxedText struct{ text *[]byte }

// Read implements [Store].
func (m *MemoryStore) Read(slot Slot) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if boxed := m.texts[slot]; boxed != nil {
		return *boxed.text, nil
	}

	return nil, nil
}

// Write implements [Store].
func (m *MemoryStore) Write(slot Slot, text []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	kept := append([]byte(nil), text...)
	m.texts[slot] = &boxedText{&kept}

	return nil
}

// Probe implements [Store].
func (m *MemoryStore) Probe() error { return nil }

// Lock implements [Store].
func (m *MemoryStore) Lock(ctx context.Context, lock StoreLock) (func(), error) {
	m.mu.Lock()
	if m.locks[lock] == nil {
		m.locks[lock] = make(chan struct{}, 1)
	}
	held := m.locks[lock]
	m.mu.Unlock()
	select {
	case held <- struct{}{}:
		return func() { <-held }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
