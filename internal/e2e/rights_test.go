package e2e

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// assumes makes every connection of the server act as a role with these rights on all tables: none, or
// such as SELECT. It ends with withAllRights.
func (w *world) assumes(rights string) {
	w.t.Helper()

	role := w.name() + "_role"
	w.admin("DROP ROLE IF EXISTS " + role)
	w.admin("CREATE ROLE " + role)
	w.t.Cleanup(func() {
		w.withAllRights()
		w.exec("DROP OWNED BY " + role)
		w.admin("DROP ROLE " + role)
	})
	if rights != "" {
		w.exec(fmt.Sprintf("GRANT USAGE ON SCHEMA river TO %[1]s; GRANT %[2]s ON ALL TABLES IN SCHEMA public, river TO %[1]s", role, rights))
	}
	w.admin(fmt.Sprintf("ALTER DATABASE %s SET role = %s", w.name(), role))
	w.disconnect()
}

func (w *world) withAllRights() {
	w.t.Helper()
	w.admin("ALTER DATABASE " + w.name() + " RESET role")
	w.disconnect()
}

// disconnect ends every connection to the world's database: new ones have its settings of now.
func (w *world) disconnect() {
	w.t.Helper()
	w.admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + w.name() + "'")
}

// isOutage fails unless an answer is the one of an outage: clients keep their tokens on it.
func (a answer) isOutage(what string) {
	a.t.Helper()
	seconds, err := strconv.Atoi(a.Header.Get("Retry-After"))
	if a.Status != 503 || err != nil || seconds < 1 {
		a.t.Errorf("%s: status %d, Retry-After %q, want 503 and a second at least: %s", what, a.Status, a.Header.Get("Retry-After"), a.Body)
	}
}

// A role that lacks a grant (42501), as after a migration by another role, is an outage that an operator ends:
// nobody is signed out by it.
func TestRights_aMissingOneIs503AndSignsNobodyOut(t *testing.T) {
	t.Parallel()

	for name, row := range map[string]struct {
		rights string
		works  []string // operations that need no more
	}{
		"none at all": {"", nil},
		"to read":     {"SELECT", []string{"getConfig", "getSession", "getSession token", "getProfile", "listSessions"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			w.signedUp(ada)
			e := w.signIn(ada)
			w.assumes(row.rights)
			for range 6 { // each connection of the pool learns that it was ended
				w.call("GET", profilePath, "", bearer(e.access))
			}

			for operation, call := range w.every(e) {
				if slices.Contains(row.works, operation) {
					call(w).wants(200)
				} else {
					call(w).isOutage(operation)
				}
			}
			if !strings.Contains(w.log.String(), "42501") {
				t.Errorf("the log does not say which right is missing: %s", w.log)
			}

			w.withAllRights()
			w.persistent(func() answer { return w.call("GET", profilePath, "", bearer(e.access)) }).wants(200)
			w.age(grown)
			w.persistent(func() answer { return w.spend(e.refresh, "") }).wants(200)
		})
	}
}

// What PostgreSQL says where a pooler hands out a connection on which a statement of that name is prepared
// already, and other errors that the same request does not meet again.
func TestOutage_errorsThatAnOperatorEndsAre503(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp(ada)
	e := w.signIn(ada)
	w.age(grown)
	w.exec("CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN END $$")
	w.exec("CREATE TRIGGER fail BEFORE INSERT OR UPDATE ON sessions FOR EACH ROW EXECUTE FUNCTION fail()")

	for code, name := range map[string]string{
		"42P05": "duplicate prepared statement", "42501": "missing right", "53100": "full disk", "40001": "serialization failure", "57P01": "shutdown",
	} {
		t.Run(code+" "+name, func(t *testing.T) {
			w.exec(fmt.Sprintf("CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'fails' USING ERRCODE = '%s'; END $$", code))
			w.call("POST", loginPath, credentials(ada, goodPassword)).isOutage("sign-in")
			w.spend(e.refresh, "").isOutage("refresh")
			w.call("DELETE", sessionPath, "", bearer(e.access)).isOutage("sign-out")
			w.call("POST", signupPath, credentials("new@example.com", goodPassword)).isOutage("sign-up")
		})
	}

	w.exec("DROP TRIGGER fail ON sessions")
	w.spend(e.refresh, "").wants(200)
	w.call("POST", signupPath, credentials("new@example.com", goodPassword)).wants(200)
}

// A server whose role may not call the function of its claims would refuse every sign-in.
func TestRights_theClaimsFunctionIsCallable(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.exec("CREATE SCHEMA app")
	w.exec(`CREATE FUNCTION app.claims(bigint) RETURNS jsonb LANGUAGE sql AS $$ SELECT '{"role":"engineer"}'::jsonb $$`)
	w.exec("REVOKE EXECUTE ON FUNCTION app.claims(bigint) FROM PUBLIC")
	w.assumes("SELECT, INSERT, UPDATE, DELETE")
	role := w.name() + "_role"
	sequences := "; GRANT USAGE ON ALL SEQUENCES IN SCHEMA river TO " + role

	for _, step := range []struct {
		name, grant, says string
		exit              int
	}{
		{"neither right", "", "GRANT USAGE ON SCHEMA app TO", 2},
		{"not to call it", "GRANT USAGE ON SCHEMA app TO " + role, "GRANT EXECUTE ON FUNCTION app.claims(bigint) TO", 2},
		{"both", "GRANT EXECUTE ON FUNCTION app.claims(bigint) TO " + role + sequences, "", 0},
	} {
		t.Run(step.name, func(t *testing.T) {
			if step.grant != "" {
				w.withAllRights()
				w.exec(step.grant)
				w.admin("ALTER DATABASE " + w.name() + " SET role = " + role)
				w.disconnect()
			}

			r := examined(t, w.db, "LATCHKEY_CLAIMS_FUNCTION=app.claims", "LATCHKEY_AUTO_MIGRATE=false").wants(step.exit, step.says)
			if named := strings.Contains(r.err, "LATCHKEY_CLAIMS_FUNCTION: "); named != (step.exit != 0) {
				t.Errorf("the setting is named: %v\n%s", named, r.err)
			}
		})
	}
}
