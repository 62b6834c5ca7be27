// Package devserver starts `latchkey dev` for the tests of the client folders: the real
// program, with a PostgreSQL of its own.
package devserver

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Env names the variable with the path of a program that is built already.
const Env = "LATCHKEY_BIN"

// Server is a server that runs.
type Server struct {
	// URL is its address.
	URL string `json:"url"`
	// Services is where the Apple and the Google that it believes are played; empty where the
	// settings name others.
	Services string `json:"services"`
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
	cmd := exec.Command(bin, "dev", "--dir", filepath.Join(dir, "d"), "--addr", "127.0.0.1:0", "--json") //nolint:gosec // our own program
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
	if err := json.NewDecoder(out).Decode(&s); err != nil {
		t.Fatalf("latchkey dev ended before it listened: %v", err)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // it must never wait for a reader

	return s
}
