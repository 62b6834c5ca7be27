package postgres_test

import (
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/postgres"
)

func TestPlainHosts_areThoseThatMayBeTalkedToInTheClear(t *testing.T) {
	t.Parallel()

	for name, row := range map[string]struct {
		url, direct string
		want        string
	}{
		"no sslmode":                           {"postgres://u:p@db.example.com/auth", "", "db.example.com"},
		"words, no sslmode":                    {"host=db.example.com user=u dbname=auth", "", "db.example.com"},
		"disable":                              {"postgres://u@db/auth?sslmode=disable", "", "db"},
		"allow":                                {"postgres://u@db/auth?sslmode=allow", "", "db"},
		"prefer":                               {"postgres://u@db/auth?sslmode=prefer", "", "db"},
		"require":                              {"postgres://u@db/auth?sslmode=require", "", ""},
		"verify-full":                          {"postgres://u@db/auth?sslmode=verify-full", "", ""},
		"an address of a private network":      {"postgres://u@10.0.0.7/auth?sslmode=disable", "", "10.0.0.7"},
		"IPv6":                                 {"postgres://u@[2001:db8::1]/auth?sslmode=disable", "", "2001:db8::1"},
		"this machine":                         {"postgres://u@localhost/auth", "", ""},
		"its loopback address":                 {"postgres://u@127.0.0.1/auth?sslmode=disable", "", ""},
		"its loopback address, IPv6":           {"postgres://u@[::1]/auth?sslmode=disable", "", ""},
		"a socket":                             {"host=/var/run/postgresql user=u sslmode=disable", "", ""},
		"the second of two hosts":              {"postgres://u@localhost,db/auth?sslmode=disable", "", "db"},
		"both hosts":                           {"postgres://u@a,b/auth", "", "a b"},
		"the direct address alone":             {"postgres://u@localhost/auth", "postgres://u@db/auth", "db"},
		"the same host twice":                  {"postgres://u@db/auth", "postgres://u@db/auth", "db"},
		"no address, which is another mistake": {"postgres://u@db:port/auth", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := postgres.Settings{URL: row.url, DirectURL: row.direct}
			if got := strings.Join(s.PlainHosts(), " "); got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}
