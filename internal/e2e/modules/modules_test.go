// Package modules gets the modules of this commit as strangers do: from a proxy, into empty projects.
package modules

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"

	"github.com/latchkey-auth/latchkey/internal/app"
)

// ofClient are the modules that the client requires; a program gets no other one with it.
var ofClient = []string{"github.com/go-json-experiment/json", "github.com/google/uuid", "golang.org/x/sync"}

// ofServer are the modules that the server requires by itself.
func ofServer(t *testing.T) []string {
	t.Helper()
	path := filepath.Join(root, "go.mod")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := modfile.Parse(path, text, nil)
	if err != nil {
		t.Fatal(err)
	}

	var list []string
	for _, r := range file.Require {
		if !r.Indirect {
			list = append(list, r.Mod.Path)
		}
	}

	return list
}

// modulesOf lists the modules that a project is built of, without itself.
func (s stranger) modulesOf() []string {
	s.t.Helper()
	var list []string
	// It also asks for the dates of modules of which nothing is used.
	out := s.goes("list", "-m", "all")
	for _, line := range strings.Split(strings.TrimSpace(out), "\n")[1:] {
		path, version, _ := strings.Cut(line, " ")
		list = append(list, path)
		if strings.HasPrefix(path, server) && version != next {
			s.t.Errorf("%s is %s, want %s", path, version, next)
		}
	}

	return list
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

const clientProgram = `package main

import (
	"fmt"

	"github.com/latchkey-auth/latchkey/clients/go/latchkey"
	"github.com/latchkey-auth/latchkey/clients/go/verify"
)

func main() {
	_, refused := latchkey.NewSession("http://auth.example.com")
	_, err := verify.New(verify.Options{BaseURL: "https://auth.example.com"})
	fmt.Println(refused != nil, err)
}
`

func TestClient_comesWithoutTheServersModules(t *testing.T) {
	t.Parallel()
	s := newStranger(t, fillProxy(t))
	s.writes("main.go", clientProgram)
	s.goes("mod", "init", "example.com/app")
	s.goes("get", client+"/latchkey") // as clients/go/README.md says
	s.goes("mod", "tidy")

	if got := s.goes("run", "-trimpath", "."); got != "true <nil>\n" {
		t.Errorf("the program printed %q", got)
	}
	if got, want := s.modulesOf(), append(slices.Clone(ofClient), client); !sameSet(got, want) {
		t.Errorf("go list -m all: got %v, want %v", got, want)
	}
}

const fiberProgram = `package main

import (
	"fmt"

	"github.com/gofiber/fiber/v2"
	"github.com/latchkey-auth/latchkey/clients/go/verify"
	verifyfiber "github.com/latchkey-auth/latchkey/clients/go/verify/fiber"
)

func main() {
	v, err := verify.New(verify.Options{BaseURL: "https://auth.example.com"})
	fiber.New().Use(verifyfiber.New(v))
	fmt.Println(err)
}
`

func TestFiber_comesWithTheClientOfItsVersion(t *testing.T) {
	t.Parallel()
	s := newStranger(t, fillProxy(t))
	s.writes("main.go", fiberProgram)
	s.goes("mod", "init", "example.com/app")
	s.goes("get", fiber)
	s.goes("mod", "tidy")

	if got := s.goes("run", "-trimpath", "."); got != "<nil>\n" {
		t.Errorf("the program printed %q", got)
	}
	modules := s.modulesOf()
	for _, path := range []string{client, fiber} {
		if !slices.Contains(modules, path) {
			t.Errorf("%s is not among %v", path, modules)
		}
	}

	// Fiber requires modules of its own; the server has those of Go's authors, too.
	allowed := append(slices.Clone(ofClient), "github.com/gofiber/fiber/v2", "github.com/valyala/fasthttp")
	forbidden := append(ofServer(t), server)
	for _, path := range modules {
		isOfGo := strings.HasPrefix(path, "golang.org/x/")
		if slices.Contains(forbidden, path) && !slices.Contains(allowed, path) && !isOfGo {
			t.Errorf("the project has the server's module %s", path)
		}
	}
}

// `go install` of a version refuses a go.mod with replace directives, and ignores every go.work.
func TestServer_isInstalledByItsVersion(t *testing.T) {
	t.Parallel()
	s := newStranger(t, fillProxy(t))
	s.goes("install", "-trimpath", server+"@"+next)

	out, err := exec.Command(filepath.Join(s.home, "bin", "latchkey"), "version").Output()
	if err != nil || !strings.HasPrefix(string(out), "latchkey "+app.Version) {
		t.Errorf("latchkey version: %q, %v", out, err)
	}
}
