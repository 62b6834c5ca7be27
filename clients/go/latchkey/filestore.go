package latchkey

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// FileStore is a [Store] in a directory: four slots of at most 1,024 bytes, files that
// only their owner may read, and locks that work across processes. Use one directory per
// server and account, such as one below [os.UserConfigDir].
type FileStore struct {
	dir string
}

// NewFileStore returns the store in dir, which is made where it is missing.
func NewFileStore(dir string) (*FileStore, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return &FileStore{dir}, nil
}

// Read implements [Store].
func (f *FileStore) Read(slot Slot) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(f.dir, slot.name()))
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(text) == 0 {
		return nil, nil
	}
	return text, err
}

// Write implements [Store]. The text is written beside its place and then renamed, with
// both synced, so that a crash leaves the old text or the new one.
func (f *FileStore) Write(slot Slot, text []byte) error {
	path := filepath.Join(f.dir, slot.name())
	if len(text) == 0 {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return syncDirectory(f.dir)
	}
	return replaceFile(path, text)
}

// Probe implements [Store]: a directory that can be written to can be read.
func (f *FileStore) Probe() error {
	path := filepath.Join(f.dir, "probe")
	if err := replaceFile(path, []byte("probe")); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // another process probes too
		return err
	}
	return nil
}

// Lock implements [Store].
func (f *FileStore) Lock(ctx context.Context, lock StoreLock) (func(), error) {
	name := [...]string{"lock-refresh", "lock-write"}[lock]
	return lockFile(ctx, filepath.Join(f.dir, name))
}

func replaceFile(path string, text []byte) error {
	dir := filepath.Dir(path)
	file, err := os.CreateTemp(dir, ".new-*") // 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }() // gone already where the rename went well
	_, err = file.Write(text)
	if err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return err
	}
	return syncDirectory(dir)
}
