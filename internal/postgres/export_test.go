package postgres

import (
	"context"
	"io/fs"
)

// MigrateFrom is Migrate with migrations of a test's own.
func (d *DB) MigrateFrom(ctx context.Context, files fs.FS, report ...func(MigrationDelay)) (int, error) {
	files, err := limited(files)
	if err != nil {
		return 0, err
	}
	return d.migrateFrom(ctx, files, report...)
}
