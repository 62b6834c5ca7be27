package app

import (
	"fmt"
	"time"

	"github.com/latchkey-auth/latchkey/internal/address"
	"github.com/latchkey-auth/latchkey/internal/postgres"
)

type migrateCommand struct {
	JSON jsonFlag `name:"json" help:"Print JSON: one object a line."`

	Up     migrateUpCommand     `cmd:"" help:"Apply all pending migrations."`
	Status migrateStatusCommand `cmd:"" help:"List the migrations and when they were applied."`
}

type migrateUpCommand struct{}

// Run applies what is missing.
func (migrateUpCommand) Run(sh *shell) error {
	d, settings, err := sh.anyDatabase()
	if err != nil {
		return err
	}
	defer d.Close()
	n, err := d.Migrate(sh.ctx, func(m postgres.MigrationDelay) {
		_, _ = fmt.Fprintf(sh.err, "%s waits for a lock that a long transaction has; trying again in %s\n", m.Name, m.Wait)
	})
	if err != nil {
		return explainSchema(err)
	}
	kept, err := sh.updateAddresses(d, settings.Database)
	if err != nil {
		return err
	}

	text := fmt.Sprintf("%d applied; the schema is up to date", n)
	if kept > 0 {
		text += fmt.Sprintf("\n%d email addresses of before keep their form: see latchkey users twins", kept)
	}

	return sh.print(migrated{Applied: n, AddressesKept: kept}, text)
}

// migrated is what latchkey migrate up did, as JSON.
type migrated struct {
	Applied int `json:"applied"`
	// AddressesKept are email addresses of before that keep their form.
	AddressesKept int64 `json:"addresses_kept"`
}

// migrationLine is a migration as JSON.
type migrationLine struct {
	Name      string     `json:"name"`
	AppliedAt *time.Time `json:"applied_at"` // null while it is missing
}

// updateAddresses brings addresses of before to their normal form, by the way that migrations take.
func (sh *shell) updateAddresses(d *postgres.DB, s postgres.Settings) (kept int64, err error) {
	if s.DirectURL == "" {
		return address.Update(sh.ctx, d)
	}

	s.URL, s.DirectURL, s.Pooler = s.DirectURL, "", "none"
	direct, err := postgres.Open(sh.ctx, s, sh.now)
	if err != nil {
		return 0, err
	}
	defer direct.Close()

	return address.Update(sh.ctx, direct)
}

type migrateStatusCommand struct{}

// Run lists the migrations.
func (migrateStatusCommand) Run(sh *shell) error {
	d, _, err := sh.anyDatabase()
	if err != nil {
		return err
	}
	defer d.Close()
	list, err := d.Migrations(sh.ctx)
	if err != nil {
		return err
	}
	for _, m := range list {
		line, state := migrationLine{Name: m.Name}, "missing: latchkey migrate up"
		if m.AppliedAt != nil {
			at := m.AppliedAt.UTC()
			line.AppliedAt = &at
			state = "applied " + at.Format("2006-01-02 15:04:05Z")
		}
		if err := sh.print(line, m.Name+"  "+state); err != nil {
			return err
		}
	}
	return nil
}
