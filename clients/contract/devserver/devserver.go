// Package devserver starts `latchkey dev` for the tests of the client folders: the real
// program, with a PostgreSQL of its own.
package devserver

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// Env names the variable with the path of a program that is built already.
const Env = "LATCHKEY_BIN"

var (
	listening = regexp.MustCompile(`listening on (http://\S+)`)
	played    = regexp.MustCompile(`Apple and Google are played by (http://\S+):`)
)

// Server is a server that runs.
type Server struct {
	// URL is its address.
	URL string
	// Services is where the Apple and the Google that it believes are played; empty where the
	// settings name others.
	Services string
}

// Start returns the address of a fresh server, which ends with the test. settings are
// "NAME=value", as `latchkey serve` takes them.
func Start(t testing.TB, settings ...string) string {
	t.Helper()
	return Run(t, settings...).URL
}

// Run is Start, for a test that signs in with another service.
func Run(t testing.TB, settings ...string) Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "latchkey-dev-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil { //nolint:gosec // PostgreSQL's account passes through
		t.Fatal(err)
	}
	bin := os.Getenv(Env)
	if bin == "" {
		bin = filepath.Join(dir, "latchkey")
		if out, err := exec.Command("go", "build", "-o", bin, "github.com/latchkey-auth/latchkey").CombinedOutput(); err != nil { //nolint:gosec // our own program
			t.Fatalf("%s", out)
		}
	}
	cmd := exec.Command(bin, "dev", "--dir", filepath.Join(dir, "d"), "--addr", "127.0.0.1:0") //nolint:gosec // our own program
	cmd.Env = append(os.Environ(), settings...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	var s Server
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if found := played.FindStringSubmatch(lines.Text()); found != nil {
			s.Services = found[1]
		}
		if found := listening.FindStringSubmatch(lines.Text()); found != nil {
			go func() { _, _ = io.Copy(io.Discard, out) }() // the rest of the tour
			s.URL = found[1]
			return s
		}
	}
	t.Fatal("latchkey dev ended before it listened")
	return s
}
