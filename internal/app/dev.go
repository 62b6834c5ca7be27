package app

import (
	"crypto/rand"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"text/template"

	"github.com/latchkey-auth/latchkey/internal/config"
	"github.com/latchkey-auth/latchkey/internal/factor"
	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
	"github.com/latchkey-auth/latchkey/internal/flow"
	"github.com/latchkey-auth/latchkey/internal/ops"
	"github.com/latchkey-auth/latchkey/internal/password"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/postgres/programs"
	"github.com/latchkey-auth/latchkey/internal/secret"
	"github.com/latchkey-auth/latchkey/internal/tenant"
	"github.com/latchkey-auth/latchkey/internal/token"
)

//go:embed tour.txt
var tourText string

const demoEmail = "demo@example.com"

type devCommand struct {
	Dir      string   `help:"Directory for the database, the key and the demo user's password. Default: .latchkey here, /var/tmp/latchkey-dev for root." placeholder:"DIR"`
	Services string   `help:"host:port of the fake Apple and Google, unless SOCIALACCOUNT_PROVIDERS is set. Default: a free port." placeholder:"HOST:PORT"`
	Addr     string   `help:"host:port to listen on. Default: LATCHKEY_ADDR, or 127.0.0.1:8080." placeholder:"HOST:PORT"`
	JSON     jsonFlag `name:"json" help:"Print one line of JSON instead of the tour once the server is ready: url, services, directory, email and password of the demo user. Mails and texts go to standard error."`
}

// devReady is the line of --json: what a program needs that has started `latchkey dev`.
type devReady struct {
	URL       string `json:"url"`
	Services  string `json:"services,omitempty"` // where the fake Apple and Google answer
	Directory string `json:"directory"`
	Email     string `json:"email"`
	Password  string `json:"password"`
}

// Help is shown by `latchkey dev --help`.
func (devCommand) Help() string {
	return "Takes every setting of `latchkey serve` from the environment, DATABASE_URL included.\nWhat is not set it makes for itself, below --dir, and keeps for the next start."
}

// Run serves from a directory of its own until SIGINT or SIGTERM.
func (c devCommand) Run(sh *shell) error {
	settings, err := sh.devSettings()
	if err != nil {
		return err
	}

	dir, err := c.directory()
	if err != nil {
		return err
	}

	if c.Addr != "" {
		settings.Server.Addr = c.Addr
	}
	if err := makeKeys(&settings, dir); err != nil {
		return err
	}

	if sh.env["LATCHKEY_OPS_ADDR"] == "" {
		settings.Ops.Addr = ops.Off // two of them on one machine must not need two ports more
	}

	listener, err := takeAddress(&settings.Server.Addr)
	if err != nil {
		return err
	}

	bin := ""
	if settings.Database.URL == "" {
		if bin, err = programs.Find(sh.ctx, settings.Local, sh.err); err != nil {
			return sh.stopped(err)
		}
	}

	services, stop, err := c.startProviders(sh, &settings)
	if err != nil {
		return err
	}
	defer stop()
	// Ctrl-C ends the start of the database; once it runs, the requests drain first and the
	// database ends after them.
	if settings.Database.URL == "" {
		local, err := postgres.StartLocal(sh.ctx, filepath.Join(dir, "postgres"), bin)
		if err != nil {
			return sh.stopped(err)
		}
		defer func() { _ = local.Stop() }()
		settings.Database.URL = local.URL
		settings.Database.AutoMigrate = true // nobody else reaches this database to do it
	}

	return c.serve(sh, settings, devReady{Services: services, Directory: dir}, listener)
}

const rpID = "LATCHKEY_WEBAUTHN_RP_ID"

// devSettings are the settings as latchkey dev reads them: where no domain of passkeys is named,
// webauthn is supported all the same, and sign-in by passkey is on unless it is switched off.
// develop names localhost, once the port is known.
func (sh *shell) devSettings() (config.Config, error) {
	if sh.env[rpID] != "" {
		return sh.settings()
	}

	with := *sh
	with.env = maps.Clone(sh.env)
	with.env[rpID] = "localhost"
	given, _, _ := config.Read(with.env) // what is wrong with it, the next one tells
	if !given.Factor.Supports(factor.WebAuthn) {
		with.env["MFA_SUPPORTED_TYPES"] = strings.Join(append(given.Factor.Types, factor.WebAuthn), ",")
	}

	settings, err := with.settings()
	sh.logSettings = with.logSettings
	settings.Factor.RPID = ""
	settings.Factor.PasskeyLogin = settings.Factor.PasskeyLogin || sh.env["MFA_PASSKEY_LOGIN_ENABLED"] == ""

	return settings, err
}

// makeKeys names the keys below dir where the settings name none, and makes those that are
// missing there.
func makeKeys(settings *config.Config, dir string) error {
	if settings.Token.PrivateKey == "" && settings.Token.PrivateKeyFile == "" {
		_, err := keep(dir, "key.pem", func() (string, error) {
			block, _, err := token.GenerateKey()
			return block, err
		})
		if err != nil {
			return err
		}

		settings.Token.PrivateKeyFile = filepath.Join(dir, "key.pem")
	}

	if settings.Outbox.SealingKeys != "" {
		return nil
	}

	var err error
	settings.Outbox.SealingKeys, err = keep(dir, "sealing-key", func() (string, error) {
		key := make([]byte, 32)
		_, _ = rand.Read(key)

		return "dev:" + base64.StdEncoding.EncodeToString(key), nil
	})

	return err
}

// takeAddress finds out before anything is started whether another program listens on addr.
// For port 0 it chooses a port, writes it to addr, and keeps the socket: passkeys and links need
// the port before the server is built, and nobody can know it yet. It returns nil otherwise.
func takeAddress(addr *string) (net.Listener, error) {
	listener, err := listen(*addr)
	if err != nil {
		return nil, err
	}

	if _, port, _ := net.SplitHostPort(*addr); port == "0" {
		*addr = listener.Addr().String()
		return listener, nil
	}

	return nil, listener.Close()
}

// startProviders starts an Apple and a Google of our own, unless the settings name providers. It returns their
// address, and what stops them.
func (c devCommand) startProviders(sh *shell, settings *config.Config) (url string, stop func(), err error) {
	if settings.Provider.Providers != "" {
		return "", func() {}, nil
	}

	fake, err := fakeprovider.Start(fakeprovider.Options{Addr: c.Services, Now: sh.now})
	if err != nil {
		return "", nil, err
	}

	settings.Provider.Providers = fake.Providers()
	if !c.JSON {
		_, _ = fmt.Fprintf(sh.out, "\nApple and Google are played by %[1]s: %[1]s/apple/sign-in, %[1]s/google/sign-in\n", fake.URL)
	}

	return fake.URL, func() { _ = fake.Close() }, nil
}

func (c devCommand) serve(sh *shell, settings config.Config, ready devReady, listener net.Listener) error {
	console := sh.out
	if c.JSON {
		console = sh.err
	}

	a, err := New(sh.ctx, settings, sh.now, sh.log(), development(console, listener))
	if err != nil {
		return err
	}
	defer a.Close()

	if err := a.Prepare(sh.ctx); err != nil {
		return sh.stopped(err)
	}

	// Written down before it is used: a first start that is killed is made good by the next.
	demo, err := keep(ready.Directory, "demo-password", func() (string, error) { return secret.Text(12), nil })
	if err != nil {
		return err
	}
	if err := sh.demo(a, demo); err != nil {
		return sh.stopped(err)
	}

	ready.URL, ready.Email, ready.Password = "http://"+a.Addr(), demoEmail, demo
	if err := c.announce(sh, ready); err != nil {
		return err
	}

	return sh.serve(a)
}

// announce prints that requests are answered: the tour, or a line of JSON.
func (c devCommand) announce(sh *shell, ready devReady) error {
	var tour strings.Builder
	if err := template.Must(template.New("tour").Parse(tourText)).Execute(&tour, ready); err != nil {
		return err
	}

	return sh.print(ready, strings.TrimSuffix(tour.String(), "\n"))
}

// directory returns an absolute directory that is ours.
func (c devCommand) directory() (string, error) {
	dir := c.Dir
	if dir == "" {
		dir = ".latchkey"
		if os.Geteuid() == 0 {
			// PostgreSQL does not run as root, and its account may not enter root's folders.
			dir = "/var/tmp/latchkey-dev"
		}
	}

	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o711); err != nil { //nolint:gosec // the database's account passes through
		return "", err
	}

	info, err := os.Stat(dir)
	if err != nil {
		return "", err
	}

	// Security: every account can write to /var/tmp. The owner of a folder there could replace the key
	// (TestDev_refusesADirectoryOfAnotherAccount).
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Geteuid() {
		return "", fmt.Errorf("%s belongs to another account: choose another --dir", dir)
	}

	return dir, nil
}

// keep returns the content of a file, which it makes first where it is missing.
func keep(dir, name string, create func() (string, error)) (string, error) {
	path := filepath.Join(dir, name)
	content, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(content)), nil
	}

	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}

	text, err := create()
	if err != nil {
		return "", err
	}

	return text, os.WriteFile(path, []byte(text+"\n"), 0o600)
}

// demo makes the demo user and their tenant, unless the database has them already.
func (sh *shell) demo(a *App, text string) error {
	slot, err := a.Gate.Enter(sh.ctx)
	if err != nil {
		return err
	}
	defer slot.Leave()
	id, err := a.DB.FindVerifiedHolder(sh.ctx, demoEmail)
	if err == nil {
		hash, err := a.DB.FindUserPassword(sh.ctx, id)
		if err != nil {
			return err
		}

		if ok, _ := slot.Verify(password.Normalize(text), hash); !ok { // DATABASE_URL with another --dir: the password is not ours to change
			_, _ = fmt.Fprintf(sh.err, "latchkey: warning: %s is in this database already, with a password that this --dir does not know: the tour's sign-in will be refused\n", demoEmail)
		}

		return nil
	}

	if !postgres.IsNotFound(err) {
		return err
	}
	if err := sh.refuseForeign(a); err != nil {
		return err
	}

	hash, err := slot.Hash(password.Normalize(text))
	if err != nil {
		return err
	}

	return a.DB.Tx(sh.ctx, func(tx postgres.Tx) error {
		id, err := flow.Insert(sh.ctx, tx, flow.NewUser{Address: demoEmail, PasswordHash: &hash, Verified: true, VerifiedOnly: true, IDs: a.config.Policy.IDs()})
		if err != nil {
			return err
		}

		tenantID, err := tenant.Create(sh.ctx, tx, "Demo")
		if err != nil {
			return err
		}

		return tenant.AddMember(sh.ctx, tx, tenantID, id, true)
	})
}

// refuseForeign returns an error for a database that has users but no demo user.
//
// Security: the fake Apple and Google sign in as any address, so the sessions that they open would
// be good on the real server of that database (TestDev_aDatabaseInUseIsRefused).
func (sh *shell) refuseForeign(a *App) error {
	used, err := a.DB.FindAnyUser(sh.ctx)
	if err != nil || !used {
		return err
	}

	return errors.New("DATABASE_URL names a database that has users already, and `latchkey dev` did not make them: " +
		"it would let anybody sign in as any of them. Name an empty database, or run `latchkey serve`")
}
