package loopback_test

import (
	"testing"

	"github.com/latchkey-auth/latchkey/internal/loopback"
)

func TestIs_thisMachineAndNoOther(t *testing.T) {
	t.Parallel()

	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST": true, "localhost.": true, "127.0.0.1": true, "127.8.9.10": true, "::1": true, "[::1]": true,
		"::ffff:127.0.0.1": true,
		"":                 false, "0.0.0.0": false, "::": false, "10.0.0.1": false, "db": false, "localhost.example.com": false,
		"127.0.0.1.example.com": false, "fe80::1": false, "128.0.0.1": false, "::ffff:10.0.0.1": false,
	} {
		if got := loopback.Is(host); got != want {
			t.Errorf("%q: got %v, want %v", host, got, want)
		}
	}
}
