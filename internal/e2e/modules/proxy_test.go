package modules

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"

	"github.com/latchkey-auth/latchkey/internal/app"
)

const (
	root   = "../../.."
	server = "github.com/latchkey-auth/latchkey"
	client = server + "/clients/go"
	fiber  = client + "/verify/fiber"
)

// published are the modules that others get, by their folders.
var published = map[string]string{server: ".", client: "clients/go", fiber: "clients/go/verify/fiber"}

// next is the version that is released next.
var next = "v" + strings.TrimSuffix(app.Version, "-dev")

// tracked is a file of a module, as it is in the working tree.
type tracked struct{ path, file string }

func (f tracked) Path() string                 { return f.path }
func (f tracked) Lstat() (os.FileInfo, error)  { return os.Lstat(f.file) }
func (f tracked) Open() (io.ReadCloser, error) { return os.Open(f.file) }

// filesOf lists what git tracks below a folder.
func filesOf(t *testing.T, folder string) []zip.File {
	t.Helper()
	folder = filepath.Join(root, folder)
	out, err := exec.Command("git", "-C", folder, "ls-files", "-z").Output()
	if err != nil {
		t.Fatal(err)
	}

	var list []zip.File
	for _, name := range strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		file := tracked{name, filepath.Join(folder, name)}
		if _, err := file.Lstat(); err == nil { // else it was deleted, and git still lists it
			list = append(list, file)
		}
	}

	return list
}

// fillProxy writes the published modules into a folder that GOPROXY may name.
func fillProxy(t *testing.T) string {
	t.Helper()
	proxy := t.TempDir()
	for path, folder := range published {
		versions := filepath.Join(proxy, path, "@v")
		if err := os.MkdirAll(versions, 0o755); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(root, folder, "go.mod"))
		if err != nil {
			t.Fatal(err)
		}
		info, err := json.Marshal(map[string]any{"Version": next, "Time": time.Unix(1_800_000_000, 0).UTC()})
		if err != nil {
			t.Fatal(err)
		}
		var archive bytes.Buffer
		if err := zip.Create(&archive, module.Version{Path: path, Version: next}, filesOf(t, folder)); err != nil {
			t.Fatal(err)
		}

		for name, content := range map[string][]byte{
			"list": []byte(next + "\n"), next + ".info": info, next + ".mod": text, next + ".zip": archive.Bytes(),
		} {
			if err := os.WriteFile(filepath.Join(versions, name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}

	return proxy
}

// stranger is an empty project on a machine that has never seen this repository. Modules of others come
// from this machine's cache.
type stranger struct {
	t         *testing.T
	dir, home string
	// proxies are two folders, ours and this machine's cache, and the proxy that the machine is set to.
	proxies string
}

func newStranger(t *testing.T, proxy string) stranger {
	t.Helper()
	out, err := exec.Command("go", "env", "GOMODCACHE", "GOPROXY").Output()
	if err != nil {
		t.Fatal(err)
	}
	cache, machine, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	others := filepath.Join(cache, "cache", "download")

	// The cache lacks what only tests of others need: `go mod tidy` asks for it.
	proxies := "file://" + proxy + ",file://" + others + "," + machine

	return stranger{t: t, dir: t.TempDir(), home: t.TempDir(), proxies: proxies}
}

func (s stranger) writes(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// goes runs the go command there, and returns what it prints. No checksum database knows our modules.
func (s stranger) goes(args ...string) string {
	s.t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "GOPROXY="+s.proxies, "GOSUMDB=off", "GOFLAGS=-modcacherw", "GOWORK=off",
		"GOMODCACHE="+filepath.Join(s.home, "modules"), "GOBIN="+filepath.Join(s.home, "bin"))
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, said.String())
	}

	return string(out)
}
