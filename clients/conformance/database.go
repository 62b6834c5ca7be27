package main

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// makeOld lets every refresh token be older than the grace from its beginning, so that each refresh
// of a scenario rotates: the server's database measures the age, and its clock is not virtual.
func makeOld(ctx context.Context, database string) error {
	c, err := pgx.Connect(ctx, database)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(ctx) }()
	_, err = c.Exec(ctx, `CREATE OR REPLACE FUNCTION conformance_old() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			NEW.rotated_at := NEW.rotated_at - interval '1 hour'; RETURN NEW;
		END $$;
		CREATE OR REPLACE TRIGGER conformance_old BEFORE INSERT OR UPDATE OF generation, user_id ON sessions
			FOR EACH ROW EXECUTE FUNCTION conformance_old()`)
	return err
}
