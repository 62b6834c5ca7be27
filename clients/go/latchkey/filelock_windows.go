package latchkey

import (
	"context"
	"errors"
	"syscall"
	"time"
)

// lockFile opens the file without sharing, which the system undoes when its holder dies.
// Nothing tells when it is free, so it is asked often.
func lockFile(ctx context.Context, path string) (func(), error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	const sharingViolation = syscall.Errno(32)
	for {
		file, err := syscall.CreateFile(name, syscall.GENERIC_WRITE, 0, nil, syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
		if err == nil {
			return func() { _ = syscall.CloseHandle(file) }, nil
		}
		if !errors.Is(err, sharingViolation) {
			return nil, err
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// syncDirectory has nothing to do: NTFS journals a rename, and a directory cannot be synced.
func syncDirectory(string) error { return nil }
