package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// diskSize is that of the disk of each node. The file behind it takes what is written, no more.
const diskSize = 2 << 30

// giveDisk gives a node a disk of its own, which can run full: a file system in a file. Only root can mount one.
func (d *drill) giveDisk(n *node) error {
	if err := os.MkdirAll(n.disk, 0o700); err != nil {
		return err
	}
	if os.Getuid() == 0 {
		image := n.disk + ".image"
		if err := os.WriteFile(image, nil, 0o600); err != nil {
			return err
		}
		if err := os.Truncate(image, diskSize); err != nil {
			return err
		}
		for _, command := range []string{"mkfs.ext4 -q -m 0 " + image, "mount -o loop " + image + " " + n.disk} {
			words := strings.Fields(command)
			if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
				return fmt.Errorf("%s: %w: %s", words[0], err, out)
			}
		}
		n.mounted = true
	}

	return os.Chown(n.disk, d.uid, d.gid)
}

// takeDisk undoes giveDisk.
func (n *node) takeDisk() {
	if n.mounted {
		_ = syscall.Unmount(n.disk, syscall.MNT_DETACH)
	}
}

// fillDisk leaves no block free on a node's disk. The function that it returns makes room again.
func (n *node) fillDisk() (empty func(), err error) {
	path := filepath.Join(n.disk, "ballast")
	empty = func() { _ = os.Remove(path) }
	file, err := os.Create(path)
	if err != nil {
		return empty, err
	}
	defer func() { _ = file.Close() }()

	var size int64
	for step := int64(diskSize); step >= 4096; {
		switch err := syscall.Fallocate(int(file.Fd()), 0, size, step); {
		case err == nil:
			size += step
		case errors.Is(err, syscall.ENOSPC):
			step /= 2
		default:
			return empty, err
		}
	}

	return empty, nil
}
