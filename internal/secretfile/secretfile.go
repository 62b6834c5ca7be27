// Package secretfile reads files that contain secrets. It refuses those that other accounts of the machine can
// change and, for private keys, those that they can read (docs/decisions/0012-secret-files.md).
package secretfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	othersRead  fs.FileMode = 0o004
	othersWrite fs.FileMode = 0o002
	groupWrites fs.FileMode = 0o020
)

// Read reads a secret. It refuses a file that another account can change or replace: who changes a key decides
// what it opens.
func Read(path string) (string, error) { return read(path, facts.changeable) }

// ReadKey reads a private key. It also refuses a file that every account can read.
func ReadKey(path string) (string, error) { return read(path, facts.unfitForKey) }

func read(path string, refuse func(facts) error) (string, error) {
	f, err := look(path)
	if err != nil {
		return "", err
	}

	if err := refuse(f); err != nil {
		return "", err
	}

	content, err := os.ReadFile(path)
	if err != nil {
		return "", unreadable(err)
	}

	return strings.TrimSpace(string(content)), nil
}

// unreadable leaves out the path, which the caller names by its setting.
func unreadable(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}

	return fmt.Errorf("cannot be read: %w", err)
}

// IsOpen reports whether every account of the machine can read a file.
func IsOpen(path string) bool {
	f, err := look(path)

	return err == nil && f.readByAll()
}

// facts are what is known of a file before it is read.
type facts struct {
	mode  fs.FileMode
	owner uint32
	// mounted: it is part of a read-only mount, as containers get their secrets.
	mounted bool
	// openFolder is a folder on the way to the file in which every account can replace what is there; empty
	// for none.
	openFolder string
}

func look(path string) (facts, error) {
	info, err := os.Stat(path)
	if err != nil {
		return facts{}, unreadable(err)
	}

	f := facts{mode: info.Mode()}
	if !f.mode.IsRegular() { // such as the pipe of <(command), which nobody else can open
		return f, nil
	}

	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		f.owner = stat.Uid
	}

	f.mounted = inReadOnlyMount(path)
	f.openFolder, err = openFolder(path)

	return f, err
}

// openFolder looks at every folder above the path as it is written, and above what it leads to by links.
func openFolder(path string) (string, error) {
	written, err := filepath.Abs(path)
	if err != nil {
		return "", unreadable(err)
	}

	target, err := filepath.EvalSymlinks(written)
	if err != nil {
		return "", unreadable(err)
	}

	for _, file := range []string{written, target} {
		for folder := filepath.Dir(file); ; folder = filepath.Dir(folder) {
			info, err := os.Stat(folder)
			if err != nil {
				return "", unreadable(err)
			}

			// With the sticky bit, as in /tmp, only its owner replaces a file.
			open := info.Mode().Perm()&othersWrite != 0 && info.Mode()&fs.ModeSticky == 0
			if open && !inReadOnlyMount(folder) {
				return folder, nil
			}

			if folder == filepath.Dir(folder) {
				break
			}
		}
	}

	return "", nil
}

func (f facts) readByAll() bool { return f.mode.IsRegular() && f.mode.Perm()&othersRead != 0 }

// changeable returns an error if other accounts can change or replace the file.
func (f facts) changeable() error {
	if f.mode.IsRegular() && f.mode.Perm()&(othersWrite|groupWrites) != 0 {
		return errors.New("can be changed by other accounts: chmod go-w")
	}

	if f.openFolder != "" {
		return fmt.Errorf("can be replaced by other accounts: they can write to %s: chmod o-w, or move the file", f.openFolder)
	}

	return nil
}

// unfitForKey returns an error if other accounts can change, replace or read the file. A container gets its
// secrets as files of root that everybody reads, in a read-only mount: Docker with mode 0444, Kubernetes with
// 0644 unless the volume says otherwise. All that runs in it is one account's, as a rule.
func (f facts) unfitForKey() error {
	if err := f.changeable(); err != nil {
		return err
	}

	forContainer := f.mounted && f.owner == 0
	if f.readByAll() && !forContainer {
		return errors.New("can be read by every account of this machine: chmod 600")
	}

	return nil
}
