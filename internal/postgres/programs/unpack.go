package programs

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/ulikunitz/xz"
)

// unpack unpacks an archive into dir, and removes it: a jar with one tar.xz file.
func unpack(ctx context.Context, jar, dir string) error {
	files, err := zip.OpenReader(jar)
	if err != nil {
		return err
	}
	defer func() { _ = files.Close() }()

	for _, file := range files.File {
		if strings.HasSuffix(file.Name, ".txz") {
			if err := unpackTar(ctx, file, dir); err != nil {
				return err
			}

			return os.Remove(jar)
		}
	}

	return errors.New("the archive contains no .txz file")
}

func unpackTar(ctx context.Context, file *zip.File, dir string) error {
	packed, err := file.Open()
	if err != nil {
		return err
	}
	defer func() { _ = packed.Close() }()

	plain, err := xz.NewReader(bufio.NewReaderSize(packed, 1<<20))
	if err != nil {
		return err
	}

	root, err := os.OpenRoot(dir) // nothing is written outside of it, whatever names the archive has
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()

	for entries := tar.NewReader(bufio.NewReaderSize(plain, 1<<20)); ; {
		if err := ctx.Err(); err != nil {
			return err
		}

		entry, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}

		if err := unpackEntry(root, entry, entries); err != nil {
			return fmt.Errorf("%s: %w", entry.Name, err)
		}
	}
}

// unpackEntry writes one entry. Every account may read it: as root, PostgreSQL runs as another.
func unpackEntry(root *os.Root, entry *tar.Header, content io.Reader) error {
	name := path.Clean(entry.Name)

	if err := makeDirectories(root, path.Dir(name)); err != nil {
		return err
	}

	switch entry.Typeflag {
	case tar.TypeDir:
		return makeDirectories(root, name)
	case tar.TypeSymlink:
		return root.Symlink(entry.Linkname, name)
	case tar.TypeReg:
		return unpackFile(root, name, entry, content)
	}

	return fmt.Errorf("an entry of type %q is not expected", entry.Typeflag)
}

// makeDirectories makes a directory and those above it, readable by every account whatever the
// umask is.
func makeDirectories(root *os.Root, name string) error {
	made := ""

	for part := range strings.SplitSeq(name, "/") {
		made = path.Join(made, part)

		err := root.Mkdir(made, 0o755)
		if errors.Is(err, os.ErrExist) {
			continue
		}
		if err != nil {
			return err
		}

		if err := root.Chmod(made, 0o755); err != nil {
			return err
		}
	}

	return nil
}

func unpackFile(root *os.Root, name string, entry *tar.Header, content io.Reader) error {
	const executable = 0o100

	mode := os.FileMode(0o644)
	if entry.Mode&executable != 0 {
		mode = 0o755
	}

	file, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()

	if _, err := io.CopyN(file, content, entry.Size); err != nil {
		return err
	}

	if err := file.Chmod(mode); err != nil {
		return err
	}

	return file.Close()
}
