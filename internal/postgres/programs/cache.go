package programs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// marker is the file that says which archive a directory was unpacked from. It is written last.
const marker = ".sha256"

// findFetched returns the programs of an archive from the cache, and fetches it where the cache
// does not have it.
func findFetched(ctx context.Context, s Settings, wanted archive, progress io.Writer) (string, error) {
	cache, err := cacheDirectory(s)
	if err != nil {
		return "", err
	}

	target := filepath.Join(cache, wanted.name())
	if isComplete(target, wanted) {
		return filepath.Join(target, "bin"), nil
	}

	if !s.Fetch {
		return "", fmt.Errorf("LATCHKEY_POSTGRES_FETCH is false, and PostgreSQL is not installed. %w", ErrNotFound)
	}

	unlock, err := lockCache(ctx, cache, progress)
	if err != nil {
		return "", err
	}
	defer unlock()

	if isComplete(target, wanted) { // another process was faster
		return filepath.Join(target, "bin"), nil
	}

	if err := removeUnfinished(cache); err != nil {
		return "", err
	}

	if err := install(ctx, s, wanted, target, progress); err != nil {
		return "", err
	}

	return filepath.Join(target, "bin"), nil
}

// install fetches and unpacks an archive beside its final place and renames it, so that an
// interruption leaves nothing half done. The lock of the cache is taken.
func install(ctx context.Context, s Settings, wanted archive, target string, progress io.Writer) error {
	begun := time.Now()

	fresh, err := os.MkdirTemp(filepath.Dir(target), wanted.name()+unfinished)
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(fresh) }()

	if err := os.Chmod(fresh, 0o755); err != nil { //nolint:gosec // the account of the server reads it
		return err
	}

	report := newReport(progress, wanted, filepath.Dir(target))
	if err := fetch(ctx, s, wanted, filepath.Join(fresh, "archive.jar"), report); err != nil {
		return err
	}

	report.unpacking()
	if err := unpack(ctx, filepath.Join(fresh, "archive.jar"), fresh); err != nil {
		return fmt.Errorf("unpack PostgreSQL %s: %w", wanted.version, err)
	}

	if err := os.WriteFile(filepath.Join(fresh, marker), []byte(wanted.sum+"\n"), 0o644); err != nil { //nolint:gosec // as above
		return err
	}

	if err := os.RemoveAll(target); err != nil { // without a marker, or of another archive
		return err
	}

	if err := os.Rename(fresh, target); err != nil {
		return err
	}

	report.ready(time.Since(begun))

	return nil
}

// isComplete reports whether a directory has everything of an archive.
func isComplete(dir string, wanted archive) bool {
	sum, err := os.ReadFile(filepath.Join(dir, marker))

	return err == nil && strings.TrimSpace(string(sum)) == wanted.sum && hasPrograms(filepath.Join(dir, "bin"))
}

// unfinished is in the name of every directory that an archive is being unpacked into.
const unfinished = ".new-"

// removeUnfinished removes what interrupted processes have left. The lock of the cache is taken,
// so nobody works on it.
func removeUnfinished(cache string) error {
	left, err := filepath.Glob(filepath.Join(cache, "*"+unfinished+"*"))
	if err != nil {
		return err
	}

	for _, dir := range left {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}

	return nil
}

// cacheDirectory returns the directory of the cache, which it makes.
func cacheDirectory(s Settings) (string, error) {
	if s.Cache != "" {
		dir, err := filepath.Abs(s.Cache)
		if err != nil {
			return "", err
		}

		return dir, ownDirectory(dir)
	}

	// PostgreSQL does not run as root, and the account that it runs as cannot enter root's home.
	if os.Geteuid() == 0 {
		const dir = "/var/tmp/latchkey-postgres"

		return dir, ownDirectory(dir)
	}

	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no directory for PostgreSQL (%w): choose one: LATCHKEY_POSTGRES_CACHE=DIR", err)
	}

	if err := os.MkdirAll(base, 0o700); err != nil {
		return "", unwritable(base, err)
	}

	dir := filepath.Join(base, "latchkey")
	if err := ownDirectory(dir); err != nil {
		return "", err
	}

	dir = filepath.Join(dir, "postgres")

	return dir, ownDirectory(dir)
}

// ownDirectory makes a directory, or checks one that exists: it must be a directory, not a link,
// belong to us, and be writable by nobody else.
//
// Security: a directory such as /var/tmp is writable by every account. An account that made this one first
// could choose the programs that we run (TestCache_aDirectoryThatOthersControlIsRefused).
func ownDirectory(dir string) error {
	err := os.Mkdir(dir, 0o755) //nolint:gosec // the account of the server reads it
	switch {
	case err == nil:
		return os.Chmod(dir, 0o755) //nolint:gosec // whatever the umask is
	case !errors.Is(err, fs.ErrExist):
		return unwritable(dir, err)
	}

	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}

	owner, known := info.Sys().(*syscall.Stat_t)

	switch {
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory: remove it, or choose another one: LATCHKEY_POSTGRES_CACHE=DIR", dir)
	case !known || int(owner.Uid) != os.Geteuid():
		return fmt.Errorf("%s belongs to another account: choose another one: LATCHKEY_POSTGRES_CACHE=DIR", dir)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("%s can be written by other accounts: chmod 755 %s", dir, dir)
	}

	return nil
}

func unwritable(dir string, err error) error {
	return fmt.Errorf("PostgreSQL cannot be kept in %s (%w): choose another directory: LATCHKEY_POSTGRES_CACHE=DIR", dir, err)
}

// lockCache waits until no other process fetches into the cache.
func lockCache(ctx context.Context, cache string, progress io.Writer) (unlock func(), err error) {
	file, err := os.OpenFile(filepath.Join(cache, ".lock"), os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, unwritable(cache, err)
	}

	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()

	for said := false; ; {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = file.Close() }, nil // the lock goes with the descriptor
		}

		if !errors.Is(err, syscall.EWOULDBLOCK) {
			_ = file.Close()
			return nil, fmt.Errorf("lock %s: %w", cache, err)
		}

		if !said {
			_, _ = fmt.Fprintln(progress, "Another process fetches PostgreSQL; waiting for it.")
			said = true
		}

		select {
		case <-ctx.Done():
			_ = file.Close()
			return nil, ctx.Err()
		case <-tick.C:
		}
	}
}
