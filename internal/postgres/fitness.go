package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/latchkey-auth/latchkey/internal/db"
)

// encoding is the only one in which every text of a user can be stored.
const encoding = "UTF8"

// CheckEncoding returns an error that says what to do where the database is not UTF-8.
// Migrate looks for itself.
func (d *DB) CheckEncoding(ctx context.Context) error {
	c, err := acquire(ctx, d.background)
	if err != nil {
		return err
	}
	defer c.Release()

	return checkEncoding(c.Conn())
}

// checkEncoding reads what PostgreSQL says of itself at the beginning of each connection.
func checkEncoding(c *pgx.Conn) error {
	found := c.PgConn().ParameterStatus("server_encoding")
	if found == encoding {
		return nil
	}

	return &UnfitError{fmt.Sprintf("the database is encoded in %s, and cannot hold every name and address: make another with "+
		"ENCODING 'UTF8' TEMPLATE template0 (docs/servers.md)", found)}
}

// CheckFresh returns an error that says what to do where a database without our tables cannot take them.
// Migrate looks for itself, before it changes anything.
func (d *DB) CheckFresh(ctx context.Context) error { return checkFresh(ctx, d.BackgroundQueries()) }

func checkFresh(ctx context.Context, q *db.Queries) error {
	found, err := q.FindSchemaObstacles(ctx)

	switch {
	case err != nil:
		return failure(err)
	case !found.IsFresh:
		return nil
	case found.LacksSchema:
		return &UnfitError{"the schema of search_path does not exist: CREATE SCHEMA, or leave search_path out"}
	case found.RiverIsTaken:
		return &UnfitError{"the schema river is there already, of another program or of another installation of Latchkey: " +
			"give this installation a database of its own (docs/servers.md)"}
	case found.LacksCreate:
		return &UnfitError{"the database role may not create a schema: GRANT CREATE ON DATABASE, or run `latchkey migrate up` as the owner of the database"}
	}

	return nil
}

// CheckRights returns an error that names the rights that the role of DATABASE_URL lacks. The
// schema must be there.
func (d *DB) CheckRights(ctx context.Context) error {
	tables, err := ownTables()
	if err != nil {
		return err
	}
	missing, err := d.BackgroundQueries().ListMissingRights(ctx, tables)
	if err != nil || len(missing) == 0 {
		return err
	}

	more := ""
	if rest := len(missing) - mostShown; rest > 0 {
		missing, more = missing[:mostShown], fmt.Sprintf(" and %d more", rest)
	}

	return &UnfitError{fmt.Sprintf("the database role lacks rights: %s%s. docs/servers.md has the GRANT statements", strings.Join(missing, ", "), more)}
}

const mostShown = 4

// UnfitError says why a database cannot be used, and what to do.
type UnfitError struct{ text string }

// Error is the text.
func (e *UnfitError) Error() string { return e.text }

var createdTable = regexp.MustCompile(`(?m)^CREATE TABLE (?:IF NOT EXISTS )?([a-z_]+)`)

// ownTables are the tables that any migration makes, and the one that lists the migrations. Other
// programs may have theirs beside them.
func ownTables() ([]string, error) {
	tables := []string{"goose_db_version"}
	files, err := migrationFiles()
	if err != nil {
		return nil, err
	}

	err = fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, name)
		for _, found := range createdTable.FindAllSubmatch(text, -1) {
			tables = append(tables, string(found[1]))
		}

		return err
	})

	return tables, err
}

// LacksRight reports whether an error says that the role may not do what a statement does.
func LacksRight(err error) bool {
	var e *pgconn.PgError

	return errors.As(err, &e) && e.Code == "42501"
}
