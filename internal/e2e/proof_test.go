package e2e

// aged makes all accounts, and the proofs in their sessions, a day older: nothing counts as
// recently proved any more. Tokens and codes stay as they are.
func (w *world) aged() {
	w.t.Helper()
	w.exec("UPDATE users SET created_at = created_at - interval '1 day'")
	w.exec(`UPDATE sessions SET methods = (
		SELECT coalesce(jsonb_agg(m || jsonb_build_object('at', (m->>'at')::float8 - 86400) ORDER BY n), '[]')
		  FROM jsonb_array_elements(methods) WITH ORDINALITY AS list (m, n))`)
}

// signedInLongAgo is a client of an account that nobody has proved lately to be theirs.
func (w *world) signedInLongAgo(email string) *visitor {
	w.t.Helper()
	v := w.signedIn(email)
	w.aged()
	return v
}
