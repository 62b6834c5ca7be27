//go:build unix && !linux

package postgres

import "syscall"

// childAttributes puts the server into a process group of its own, so that Ctrl-C
// does not end it before we have drained. There is no parent-death signal here: after
// a kill -9 the server lives on, and the next start joins it.
func childAttributes(account *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: account, Setpgid: true}
}
