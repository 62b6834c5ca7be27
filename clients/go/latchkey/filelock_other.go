//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package latchkey

import (
	"context"
	"errors"
)

// lockFile fails: without a lock two processes could spend the same refresh token.
func lockFile(context.Context, string) (func(), error) {
	return nil, errors.New("latchkey: no file locks on this system; give the session a Store of your own")
}

func syncDirectory(string) error { return nil }
