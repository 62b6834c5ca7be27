package main

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// agents are what the actors send as User-Agent when they sign in: the trigger tells them by it.
const (
	phoneAgent = "phone"
	theftAgent = "theft"
	plainAgent = "plain"
)

// bornOld makes most generations older than a grace of a second from their beginning, so that phones
// that refresh without a pause rotate; some stay young, and are repeated. Of the sessions that are
// stolen half stay young. Those of plain clients are made old between two bursts.
const bornOld = `
	CREATE FUNCTION born_old() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF random() < (CASE NEW.user_agent WHEN 'phone' THEN 0.95 WHEN 'theft' THEN 0.5 ELSE 0 END) THEN
			NEW.rotated_at := NEW.rotated_at - interval '2 seconds';
		END IF;
		RETURN NEW;
	END $$;
	CREATE TRIGGER born_old BEFORE INSERT OR UPDATE OF generation, user_id ON sessions
		FOR EACH ROW EXECUTE FUNCTION born_old()`

// makeOld makes a generation older than any grace, unless it is not the current one: then its
// successor was handed out, and nobody has seen it.
const makeOld = `UPDATE sessions SET rotated_at = rotated_at - interval '1 hour' WHERE id = $1 AND generation = $2`

func (w *world) prepareAges(ctx context.Context) error {
	c, err := pgx.Connect(ctx, w.primary.URL)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(ctx) }()
	if _, err := c.Exec(ctx, bornOld); err != nil {
		return err
	}
	w.ages, err = pgxpool.New(ctx, w.database()+" pool_max_conns=4")
	return err
}

// database names both PostgreSQL: the one that takes writes is found.
func (w *world) database() string {
	return "host=" + w.primary.Root() + "," + w.standby.Root() + " user=postgres dbname=postgres sslmode=disable target_session_attrs=read-write"
}
