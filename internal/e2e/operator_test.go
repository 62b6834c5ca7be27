package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/token"
)

// A start says where passwords, codes and links travel unencrypted over a network.
func TestServe_warnsOfPlainConnections(t *testing.T) {
	t.Parallel()
	key, _, err := token.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	const database, mail = "the database may be talked to unencrypted", "mails travel unencrypted"

	for name, row := range map[string]struct {
		settings []string
		warns    []string
		silent   []string
	}{
		"neither has TLS": {
			[]string{"DATABASE_URL=postgres://u:s3cr3t@0.0.0.0:1/auth?sslmode=prefer", "EMAIL_HOST=mail.example.com"},
			[]string{database, `"hosts":["0.0.0.0"]`, mail, `"host":"mail.example.com"`},
			nil,
		},
		"the way to migrations has none": {
			[]string{"DATABASE_URL=postgres://u:s3cr3t@127.0.0.1:1/auth", "LATCHKEY_DATABASE_DIRECT_URL=postgres://u:s3cr3t@0.0.0.0:1/auth"},
			[]string{database},
			[]string{mail},
		},
		"both have TLS": {
			[]string{"DATABASE_URL=postgres://u:s3cr3t@0.0.0.0:1/auth?sslmode=verify-full", "EMAIL_HOST=mail.example.com", "EMAIL_USE_TLS=true"},
			nil,
			[]string{database, mail},
		},
		"SMTP has TLS from the first byte": {
			[]string{"DATABASE_URL=postgres://u:s3cr3t@localhost:1/auth", "EMAIL_HOST=mail.example.com", "EMAIL_USE_SSL=true"},
			nil,
			[]string{database, mail},
		},
		"both are on this machine": {
			[]string{"DATABASE_URL=host=/nowhere user=u password=s3cr3t", "EMAIL_HOST=127.0.0.1"},
			nil,
			[]string{database, mail},
		},
		"mails go elsewhere": {
			[]string{"DATABASE_URL=postgres://u:s3cr3t@[::1]:1/auth", "EMAIL_HOST=mail.example.com", "LATCHKEY_MAIL=none"},
			nil,
			[]string{mail},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := append([]string{"HEADLESS_JWT_PRIVATE_KEY=" + key, "LATCHKEY_ADDR=127.0.0.1:0"}, row.settings...)
			p := launch{args: []string{"serve"}, env: env}.serving(t)
			p.call("GET", jwksPath, "").wants(200)
			for _, want := range row.warns {
				p.until(10*time.Second, "warned of "+want, func() bool { return strings.Contains(p.log.String(), want) })
			}
			p.signal(syscall.SIGTERM)
			p.exit()

			for _, unwanted := range append(row.silent, "s3cr3t") {
				if strings.Contains(p.log.String(), unwanted) {
					t.Errorf("it says %q: %s", unwanted, p.log)
				}
			}
		})
	}
}

// A file that other accounts can read, change or replace gives no private key: the start ends, and says what to
// type. Other secrets are refused where others can change them.
func TestServe_refusesSecretFilesOfOthers(t *testing.T) {
	t.Parallel()
	key, _, err := token.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}

	for name, row := range map[string]struct {
		setting      string
		folder, file fs.FileMode
		says         string
		refused      bool
	}{
		"a key that all read":            {"HEADLESS_JWT_PRIVATE_KEY", 0o755, 0o644, "can be read by every account of this machine: chmod 600", true},
		"a key that a group writes":      {"HEADLESS_JWT_PRIVATE_KEY", 0o755, 0o660, "can be changed by other accounts: chmod go-w", true},
		"a key in an open folder":        {"HEADLESS_JWT_PRIVATE_KEY", 0o777, 0o600, "can be replaced by other accounts", true},
		"a key that a group reads":       {"HEADLESS_JWT_PRIVATE_KEY", 0o755, 0o640, "DATABASE_URL: is needed", false},
		"a password that all read":       {"EMAIL_HOST_PASSWORD", 0o755, 0o644, "warning: EMAIL_HOST_PASSWORD_FILE can be read by every account", false},
		"a password that a group writes": {"EMAIL_HOST_PASSWORD", 0o755, 0o620, "EMAIL_HOST_PASSWORD_FILE can be changed by other accounts", true},
		"a password in an open folder":   {"EMAIL_HOST_PASSWORD", 0o777, 0o600, "EMAIL_HOST_PASSWORD_FILE can be replaced by other accounts", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := filepath.Join(t.TempDir(), "secrets")
			path := filepath.Join(folder, "secret")
			if err := os.Mkdir(folder, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(key), 0o600); err != nil {
				t.Fatal(err)
			}
			for name, mode := range map[string]fs.FileMode{path: row.file, folder: row.folder} {
				if err := os.Chmod(name, mode); err != nil {
					t.Fatal(err)
				}
			}

			// No database is named, so that the start ends in any case.
			r := launch{args: []string{"serve"}, env: []string{row.setting + "_FILE=" + path}}.run(t).wants(2, row.says)
			if refused := strings.Contains(r.err, "- "+row.setting+": "); refused != row.refused {
				t.Errorf("refused %v, want %v: %s", refused, row.refused, r.err)
			}
		})
	}
}

// What happens to the key file of a server that runs changes nothing: it goes on with the keys that it has.
func TestServe_goesOnWhenItsKeyFileIsOpenedToOthers(t *testing.T) {
	t.Parallel()
	w, path := keyFile(t)
	e := w.signedUp(ada).Tokens()
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}

	if err := w.app.ReloadKeys(); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("the file is read again: %v", err)
	}
	w.call("GET", sessionPath, "", bearer(e.Access)).wants(200)
	w.command("", "keys", "list", path).wants(1, "can be read by every account of this machine: chmod 600")
}
