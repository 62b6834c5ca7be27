//go:build linux || darwin || freebsd

package secretfile

import "syscall"

// readOnlyMount is the flag of statfs for a mount that cannot be written: ST_RDONLY on Linux, MNT_RDONLY
// elsewhere.
const readOnlyMount = 1

// inReadOnlyMount reports whether a file is part of a mount that nobody can write to by this path.
func inReadOnlyMount(path string) bool {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(path, &stat); err != nil {
		return false
	}

	return stat.Flags&readOnlyMount != 0
}
