package postgres

import "syscall"

// childAttributes puts the server into a process group of its own, so that Ctrl-C
// does not end it before we have drained, and ends it (fast shutdown) when we are
// killed.
func childAttributes(account *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: account, Setpgid: true, Pdeathsig: syscall.SIGINT}
}
