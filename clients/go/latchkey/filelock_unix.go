//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package latchkey

import (
	"context"
	"errors"
	"os"
	"syscall"
)

// lockFile takes an advisory lock, which the system releases when its holder dies: unlike
// a file that says "locked", it cannot be left behind.
func lockFile(ctx context.Context, path string) (func(), error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	// flock cannot be cancelled, so it waits in a goroutine, and lets go at once where
	// nobody waits for it any more.
	got := make(chan error)
	go func() {
		err := flock(int(file.Fd()))
		select {
		case got <- err:
		case <-ctx.Done():
			_ = file.Close()
		}
	}()
	select {
	case err := <-got:
		if err != nil {
			_ = file.Close()
			return nil, err
		}
		return func() { _ = file.Close() }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func flock(fd int) error {
	for {
		err := syscall.Flock(fd, syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// syncDirectory makes a rename durable.
func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if closed := d.Close(); err == nil {
		err = closed
	}
	return err
}
