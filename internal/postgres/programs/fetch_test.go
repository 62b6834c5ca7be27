package programs

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/ulikunitz/xz"
)

// program is the content of every program in the archives of these tests. It is large and does
// not compress, so that a fetch can be cut in the middle.
func program() []byte {
	content := make([]byte, 0, 1<<18)
	block := sha256.Sum256([]byte("a program"))

	for len(content) < 1<<18 {
		content = append(content, block[:]...)
		block = sha256.Sum256(block[:])
	}

	return content
}

// jar makes an archive as Maven has them, with the given extra entries.
func jar(t *testing.T, extra ...tar.Header) []byte {
	t.Helper()

	var packed bytes.Buffer
	compressed, err := xz.NewWriter(&packed)
	must(t, err)

	files := tar.NewWriter(compressed)
	entries := append([]tar.Header{
		{Name: "lib/", Typeflag: tar.TypeDir, Mode: 0o700},
		{Name: "lib/lib/libpq.so.5", Typeflag: tar.TypeReg, Mode: 0o600},
		{Name: "lib/libpq.so", Typeflag: tar.TypeSymlink, Linkname: "lib/libpq.so.5"},
		{Name: "bin/initdb", Typeflag: tar.TypeReg, Mode: 0o700},
		{Name: "bin/postgres", Typeflag: tar.TypeReg, Mode: 0o755},
	}, extra...)

	content := program()
	for _, header := range entries {
		if header.Typeflag == tar.TypeReg {
			header.Size = int64(len(content))
		}

		must(t, files.WriteHeader(&header))
		if header.Typeflag == tar.TypeReg {
			_, err = files.Write(content)
			must(t, err)
		}
	}

	must(t, files.Close())
	must(t, compressed.Close())

	var outer bytes.Buffer
	zipped := zip.NewWriter(&outer)
	file, err := zipped.Create("postgres-test.txz")
	must(t, err)
	_, err = file.Write(packed.Bytes())
	must(t, err)
	must(t, zipped.Close())

	return outer.Bytes()
}

func must(t *testing.T, err error) {
	t.Helper()

	if err != nil {
		t.Fatal(err)
	}
}

// pinned is the entry of an archive in the table.
func pinned(content []byte) archive {
	sum := sha256.Sum256(content)

	return archive{"test-platform", "18.1.0", hex.EncodeToString(sum[:]), int64(len(content))}
}

// mirror is a Maven repository that answers with what respond writes, and counts requests.
type mirror struct {
	*httptest.Server
	requests atomic.Int64
}

func newMirror(t *testing.T, respond func(w http.ResponseWriter, n int64)) *mirror {
	t.Helper()

	m := &mirror{}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/maven/"+pinned(nil).path() {
			t.Errorf("asked for %s", r.URL.Path)
		}

		respond(w, m.requests.Add(1))
	}))
	t.Cleanup(m.Close)

	return m
}

func (m *mirror) settings(t *testing.T) Settings {
	t.Helper()

	return Settings{Fetch: true, Mirror: m.URL + "/maven/", Cache: filepath.Join(t.TempDir(), "cache")}
}

// soon makes the next try of a fetch begin at once.
func soon(t *testing.T) {
	t.Helper()

	before := retryWait
	retryWait = 0
	t.Cleanup(func() { retryWait = before })
}

// content lists what a cache contains, but the lock.
func content(t *testing.T, s Settings) []string {
	t.Helper()

	entries, err := os.ReadDir(s.Cache)
	must(t, err)

	var names []string
	for _, e := range entries {
		if e.Name() != ".lock" {
			names = append(names, e.Name())
		}
	}

	return names
}

func TestFetch_onceAndThenFromTheCache(t *testing.T) {
	good := jar(t)
	m := newMirror(t, func(w http.ResponseWriter, _ int64) { _, _ = w.Write(good) })
	s, wanted := m.settings(t), pinned(good)

	// Whatever the umask is, the account that PostgreSQL runs as reads the programs.
	defer syscall.Umask(syscall.Umask(0o077))

	var said bytes.Buffer
	bin, err := findFetched(t.Context(), s, wanted, &said)
	must(t, err)

	for name, want := range map[string]os.FileMode{
		"bin": 0o755, "bin/initdb": 0o755, "bin/postgres": 0o755, "lib": 0o755, "lib/lib": 0o755, "lib/libpq.so": 0o644, "": 0o755, "..": 0o755,
	} {
		info, err := os.Stat(filepath.Join(filepath.Dir(bin), name))
		must(t, err)

		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", name, info.Mode().Perm(), want)
		}
	}

	for _, want := range []string{"PostgreSQL 18.1 ", s.Cache, "for development and tests only", "rm -rf"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("it does not say %q: %s", want, said.String())
		}
	}

	said.Reset()
	again, err := findFetched(t.Context(), s, wanted, &said)
	if err != nil || again != bin || m.requests.Load() != 1 || said.Len() > 0 {
		t.Errorf("the second time: %q, %v, %d requests, said %q", again, err, m.requests.Load(), said.String())
	}
}

func TestFetch_whatIsNotCompleteIsUnpackedAnew(t *testing.T) {
	good := jar(t)

	for name, damage := range map[string]func(t *testing.T, dir string){
		"no marker":                  func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, marker))) },
		"the marker of another file": func(t *testing.T, dir string) { must(t, os.WriteFile(filepath.Join(dir, marker), []byte("00"), 0o600)) },
		"no initdb":                  func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, "bin/initdb"))) },
		"a file in its place":        func(t *testing.T, dir string) { must(t, os.RemoveAll(dir)); must(t, os.WriteFile(dir, nil, 0o600)) },
		"what an interruption left": func(t *testing.T, dir string) {
			must(t, os.RemoveAll(dir))
			must(t, os.MkdirAll(dir+unfinished+"123/bin", 0o700))
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMirror(t, func(w http.ResponseWriter, _ int64) { _, _ = w.Write(good) })
			s, wanted := m.settings(t), pinned(good)

			bin, err := findFetched(t.Context(), s, wanted, io.Discard)
			must(t, err)
			damage(t, filepath.Dir(bin))

			_, err = findFetched(t.Context(), s, wanted, io.Discard)
			must(t, err)

			if !isComplete(filepath.Dir(bin), wanted) || m.requests.Load() != 2 {
				t.Errorf("not fetched anew: %d requests", m.requests.Load())
			}
			if got := content(t, s); len(got) != 1 {
				t.Errorf("the cache contains %v, want one directory", got)
			}
		})
	}
}

func TestFetch_anArchiveThatIsWrongByOneByte(t *testing.T) {
	good := jar(t)
	wrong := bytes.Clone(good)
	wrong[len(wrong)/2] ^= 1

	for name, sent := range map[string][]byte{"changed": wrong, "longer": append(bytes.Clone(good), 0)} {
		t.Run(name, func(t *testing.T) {
			m := newMirror(t, func(w http.ResponseWriter, _ int64) { _, _ = w.Write(sent) })
			s, wanted := m.settings(t), pinned(good)

			_, err := findFetched(t.Context(), s, wanted, io.Discard)
			got := sha256.Sum256(sent)

			if err == nil || !strings.Contains(err.Error(), wanted.sum) || !strings.Contains(err.Error(), hex.EncodeToString(got[:])) {
				t.Errorf("the error does not name both sums: %v", err)
			}
			if left := content(t, s); len(left) > 0 || m.requests.Load() != 1 {
				t.Errorf("%d requests, and the cache contains %v", m.requests.Load(), left)
			}
		})
	}
}

func TestFetch_aConnectionThatIsCutIsTriedAgain(t *testing.T) {
	soon(t)

	good := jar(t)
	cut := func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", fmt.Sprint(len(good)))
		_, _ = w.Write(good[:len(good)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}

	t.Run("once", func(t *testing.T) {
		m := newMirror(t, func(w http.ResponseWriter, n int64) {
			if n == 1 {
				cut(w)
			}
			_, _ = w.Write(good)
		})

		var said bytes.Buffer
		if _, err := findFetched(t.Context(), m.settings(t), pinned(good), &said); err != nil || m.requests.Load() != 2 {
			t.Errorf("%v, %d requests", err, m.requests.Load())
		}
		if !strings.Contains(said.String(), "trying again") {
			t.Errorf("it says nothing of it: %s", said.String())
		}
	})

	t.Run("always", func(t *testing.T) {
		m := newMirror(t, func(w http.ResponseWriter, _ int64) { cut(w) })
		s := m.settings(t)

		_, err := findFetched(t.Context(), s, pinned(good), io.Discard)
		if err == nil || !strings.Contains(err.Error(), "LATCHKEY_POSTGRES_MIRROR") || m.requests.Load() != fetchTries {
			t.Errorf("%v, %d requests", err, m.requests.Load())
		}
		if left := content(t, s); len(left) > 0 {
			t.Errorf("the cache contains %v", left)
		}
	})

	t.Run("the file is not there", func(t *testing.T) {
		m := newMirror(t, func(w http.ResponseWriter, _ int64) { w.WriteHeader(http.StatusNotFound) })

		_, err := findFetched(t.Context(), m.settings(t), pinned(good), io.Discard)
		if err == nil || !strings.Contains(err.Error(), "404") || m.requests.Load() != 1 {
			t.Errorf("%v, %d requests: another try would not help", err, m.requests.Load())
		}
	})
}

func TestFetch_endsWithItsContext(t *testing.T) {
	good := jar(t)
	ctx, cancel := context.WithCancel(t.Context())
	m := newMirror(t, func(w http.ResponseWriter, _ int64) {
		_, _ = w.Write(good[:10])
		_ = http.NewResponseController(w).Flush()
		cancel()
		<-t.Context().Done()
	})
	s := m.settings(t)

	if _, err := findFetched(ctx, s, pinned(good), io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	if left := content(t, s); len(left) > 0 {
		t.Errorf("the cache contains %v", left)
	}

	m.CloseClientConnections()
}

func TestFetch_isNotDoneWhereItIsSwitchedOff(t *testing.T) {
	good := jar(t)
	m := newMirror(t, func(w http.ResponseWriter, _ int64) { _, _ = w.Write(good) })
	s := m.settings(t)
	s.Fetch = false

	_, err := findFetched(t.Context(), s, pinned(good), io.Discard)
	if !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "LATCHKEY_POSTGRES_FETCH") || m.requests.Load() != 0 {
		t.Errorf("%v, %d requests", err, m.requests.Load())
	}
}

func TestFetch_fromADirectory(t *testing.T) {
	good := jar(t)
	path := filepath.Join(t.TempDir(), pinned(good).path())
	must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	must(t, os.WriteFile(path, good, 0o600))

	s := Settings{Fetch: true, Mirror: "file://" + strings.TrimSuffix(path, "/"+pinned(good).path()), Cache: filepath.Join(t.TempDir(), "cache")}
	if _, err := findFetched(t.Context(), s, pinned(good), io.Discard); err != nil {
		t.Error(err)
	}
}

func TestUnpack_nothingIsWrittenOutside(t *testing.T) {
	for name, entry := range map[string]tar.Header{
		"a path that leads out":     {Name: "../outside", Typeflag: tar.TypeReg, Mode: 0o600},
		"a file through a link out": {Name: "link/outside", Typeflag: tar.TypeReg, Mode: 0o600},
		"a device":                  {Name: "device", Typeflag: tar.TypeChar, Mode: 0o600},
	} {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			dir := filepath.Join(parent, "in")
			must(t, os.Mkdir(dir, 0o700))

			content := jar(t, tar.Header{Name: "link", Typeflag: tar.TypeSymlink, Linkname: ".."}, entry)
			path := filepath.Join(parent, "archive.jar")
			must(t, os.WriteFile(path, content, 0o600))

			if err := unpack(t.Context(), path, dir); err == nil {
				t.Error("it is unpacked")
			}
			if _, err := os.Stat(filepath.Join(parent, "outside")); err == nil {
				t.Error("a file outside of the directory was written")
			}
		})
	}
}

func TestCache_aDirectoryThatOthersControlIsRefused(t *testing.T) {
	for name, make := range map[string]func(t *testing.T, dir string){
		"a link":                        func(t *testing.T, dir string) { must(t, os.Symlink(t.TempDir(), dir)) },
		"a file":                        func(t *testing.T, dir string) { must(t, os.WriteFile(dir, nil, 0o600)) },
		"writable by the group":         func(t *testing.T, dir string) { must(t, os.Mkdir(dir, 0o700)); must(t, os.Chmod(dir, 0o775)) },
		"writable by everybody":         func(t *testing.T, dir string) { must(t, os.Mkdir(dir, 0o700)); must(t, os.Chmod(dir, 0o757)) },
		"of another account (as root)":  func(t *testing.T, dir string) { must(t, os.Mkdir(dir, 0o755)); notOurs(t, dir) },
		"below one that does not exist": func(t *testing.T, dir string) {},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "cache")
			make(t, dir)
			if strings.HasPrefix(name, "below") {
				dir = filepath.Join(dir, "deeper")
			}

			_, err := findFetched(t.Context(), Settings{Fetch: true, Cache: dir}, pinned(nil), io.Discard)
			if err == nil || !strings.Contains(err.Error(), dir) {
				t.Errorf("got %v, want an error that names the directory", err)
			}
			if err != nil && !strings.Contains(err.Error(), "LATCHKEY_POSTGRES_CACHE=DIR") && !strings.Contains(err.Error(), "chmod 755") {
				t.Errorf("the error does not say what to type: %v", err)
			}
		})
	}
}

// notOurs gives a directory to another account, or makes it a link where we are not root.
func notOurs(t *testing.T, dir string) {
	t.Helper()

	if os.Geteuid() != 0 {
		must(t, os.Remove(dir))
		must(t, os.Symlink("/", dir))

		return
	}

	must(t, os.Chown(dir, 12345, 12345))
}

// TestMain lets this program be one of several processes that fetch at once.
func TestMain(m *testing.M) {
	if address := os.Getenv("LATCHKEY_TEST_FETCH"); address != "" {
		size, sum := int64(0), ""
		_, _ = fmt.Sscan(os.Getenv("LATCHKEY_TEST_ARCHIVE"), &size, &sum)
		wanted := archive{"test-platform", "18.1.0", sum, size}
		s := Settings{Fetch: true, Mirror: address, Cache: os.Getenv("LATCHKEY_TEST_CACHE")}

		bin, err := findFetched(context.Background(), s, wanted, os.Stderr)
		if err != nil || !isComplete(filepath.Dir(bin), wanted) {
			fmt.Fprintln(os.Stderr, "failed:", err)
			os.Exit(1)
		}

		os.Exit(0)
	}

	os.Exit(m.Run())
}

// fetcher is another process that fetches.
func fetcher(t *testing.T, m *mirror, s Settings, wanted archive) *exec.Cmd {
	t.Helper()

	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LATCHKEY_TEST_FETCH="+m.URL+"/maven", "LATCHKEY_TEST_CACHE="+s.Cache,
		fmt.Sprintf("LATCHKEY_TEST_ARCHIVE=%d %s", wanted.size, wanted.sum))
	cmd.Stderr = &bytes.Buffer{}

	return cmd
}

func TestFetch_severalProcessesAtOnceFetchOnce(t *testing.T) {
	good := jar(t)
	m := newMirror(t, func(w http.ResponseWriter, _ int64) { _, _ = w.Write(good) })
	s, wanted := m.settings(t), pinned(good)

	var running []*exec.Cmd
	for range 4 {
		cmd := fetcher(t, m, s, wanted)
		must(t, cmd.Start())
		running = append(running, cmd)
	}

	for _, cmd := range running {
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %s", err, cmd.Stderr)
		}
	}

	if m.requests.Load() != 1 || len(content(t, s)) != 1 {
		t.Errorf("%d requests, and the cache contains %v", m.requests.Load(), content(t, s))
	}
}

func TestFetch_aKilledProcessLeavesNothingHalfDone(t *testing.T) {
	good := jar(t)
	reached := make(chan struct{}, 1)
	m := newMirror(t, func(w http.ResponseWriter, n int64) {
		if n > 1 {
			_, _ = w.Write(good)
			return
		}

		_, _ = w.Write(good[:len(good)/2])
		_ = http.NewResponseController(w).Flush()
		reached <- struct{}{}
		<-t.Context().Done()
	})
	s, wanted := m.settings(t), pinned(good)

	first := fetcher(t, m, s, wanted)
	must(t, first.Start())
	<-reached
	must(t, first.Process.Kill())
	_ = first.Wait() // it was killed
	m.CloseClientConnections()

	if left := content(t, s); len(left) != 1 || !strings.Contains(left[0], unfinished) {
		t.Fatalf("the cache contains %v, want what the killed process was making", left)
	}

	bin, err := findFetched(t.Context(), s, wanted, io.Discard)
	must(t, err)

	if left := content(t, s); len(left) != 1 || left[0] != filepath.Base(filepath.Dir(bin)) {
		t.Errorf("the cache contains %v", left)
	}
}
