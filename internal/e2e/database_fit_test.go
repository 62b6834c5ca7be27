package e2e

import (
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/testdb"
)

// starting runs a command that needs all that a server needs, on a database.
func (w *world) starting(database string, args ...string) result {
	w.t.Helper()

	return launch{args: args, env: []string{"DATABASE_URL=" + database, "HEADLESS_JWT_PRIVATE_KEY=" + w.key, "LATCHKEY_ADDR=127.0.0.1:0"}}.run(w.t)
}

func TestDatabase_thatIsNotUTF8IsRefused(t *testing.T) {
	t.Parallel()

	w := start(t)
	for _, encoding := range []string{"LATIN1", "SQL_ASCII", "WIN1252"} {
		t.Run(encoding, func(t *testing.T) {
			name := w.name() + "_" + strings.ToLower(encoding)
			w.admin("CREATE DATABASE " + name + " ENCODING '" + encoding + "' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
			t.Cleanup(func() { w.admin("DROP DATABASE " + name + " WITH (FORCE)") })

			for _, command := range [][]string{{"serve"}, {"migrate", "up"}} {
				r := w.starting(strings.Replace(w.db, "dbname="+w.name(), "dbname="+name, 1), command...)
				for _, want := range []string{encoding, "ENCODING 'UTF8' TEMPLATE template0"} {
					if r.code != 2 || !strings.Contains(r.err, want) {
						t.Errorf("%v: exit %d, no %q in %s", command, r.code, want, r.err)
					}
				}
			}
		})
	}
}

func TestDatabase_rightsThatTheRoleLacksAreNamed(t *testing.T) {
	t.Parallel()

	const granted = "GRANT USAGE ON SCHEMA river TO %[1]s; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public, river TO %[1]s; " +
		"GRANT USAGE ON ALL SEQUENCES IN SCHEMA river TO %[1]s;"

	for name, c := range map[string]struct {
		change string
		want   []string
	}{
		"none":                 {"REVOKE ALL ON ALL TABLES IN SCHEMA public, river FROM %[1]s", []string{"may not change the schema", "latchkey migrate up"}},
		"to write sessions":    {"REVOKE UPDATE ON sessions FROM %[1]s", []string{"lacks rights: UPDATE ON public.sessions.", "docs/servers.md"}},
		"the jobs":             {"REVOKE INSERT, DELETE ON river.river_job FROM %[1]s", []string{"DELETE ON river.river_job, INSERT ON river.river_job"}},
		"the numbers of jobs":  {"REVOKE USAGE ON ALL SEQUENCES IN SCHEMA river FROM %[1]s", []string{"USAGE ON SEQUENCE river.river_job_id_seq"}},
		"a table of another's": {"CREATE TABLE django_session (id bigint)", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			w := start(t)
			w.assumes("")
			role := w.name() + "_role"
			w.withAllRights()
			w.exec(strings.ReplaceAll(granted+c.change, "%[1]s", role))
			w.admin("ALTER DATABASE " + w.name() + " SET role = " + role)
			w.disconnect()

			if c.want == nil {
				w.at(0, "LATCHKEY_AUTO_MIGRATE=false").signedUp(ada)
				return
			}
			r := w.starting(w.db, "serve")
			for _, want := range c.want {
				if r.code != 2 || !strings.Contains(r.err, want) {
					t.Errorf("exit %d, no %q in %s", r.code, want, r.err)
				}
			}
		})
	}
}

// A database that cannot take the tables is left as it is, and the message says what to do.
func TestDatabase_thatCannotTakeTheTablesIsLeftAlone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ change, address, want string }{
		"the jobs of another program": {"CREATE SCHEMA river", "", "the schema river is there already"},
		"a schema that is not there":  {"SELECT 1", " search_path=auth", "the schema of search_path does not exist"},
		"no right to create a schema": {"CREATE ROLE %[1]s_poor LOGIN; GRANT ALL ON SCHEMA public TO %[1]s_poor", " user=%[1]s_poor", "may not create a schema"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{t: t, db: testdb.Empty(t)}
			fill := func(text string) string { return strings.ReplaceAll(text, "%[1]s", w.name()) }
			t.Cleanup(func() {
				if strings.Contains(c.change, "ROLE") {
					w.exec("DROP OWNED BY " + w.name() + "_poor; DROP ROLE " + w.name() + "_poor")
				}
			})
			w.exec(fill(c.change))

			for _, command := range [][]string{{"migrate", "up"}, {"config", "--check"}, {"serve"}} {
				l := served(t, w.db+fill(c.address))
				l.args = command
				l.run(t).wants(2, "DATABASE_URL: ", c.want)
			}
			if n := query[int](w, "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"); n != 0 {
				t.Errorf("%d tables were made", n)
			}
		})
	}
}
