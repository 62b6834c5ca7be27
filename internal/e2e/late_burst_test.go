package e2e

import "testing"

// A client without a lock lost all answers of a burst, and comes back after the grace with several
// calls at once: to them the successor is new.
func TestRefresh_aBurstAfterAllAnswersWereLostCostsNoSession(t *testing.T) {
	t.Parallel()

	for how, key := range map[string]string{"without a key": "", "with a stored key": "key-number-1"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			first := w.signedUp(ada).Tokens().Refresh
			w.age(grown)
			lost := w.spend(first, key).wants(200).text("meta.refresh_token")
			w.age(grown)

			found := w.spend(first, key).wants(200).text("meta.refresh_token")
			if !same(t, found, lost) {
				t.Fatal("another successor")
			}
			nextKey := key
			if key != "" {
				nextKey = "key-number-2"
			}
			late := w.spend(found, nextKey).wants(200).text("meta.refresh_token")
			if !same(t, late, found) {
				t.Error("a late call of the burst moved the generation on")
			}
			w.spend(first, key).wants(200)

			w.age(grown)
			next := w.spend(found, nextKey).wants(200)
			if same(t, next.text("meta.refresh_token"), found) {
				t.Error("the generation does not move on any more")
			}
			w.call("GET", profilePath, "", bearer(next.text("meta.access_token"))).wants(200)
		})
	}
}

// A thief who presents the token before the current one again and again does not keep the
// current one young: its owner's next refresh moves on, and the thief is noticed.
func TestRefresh_aGenerationIsMadeYoungAgainOnce(t *testing.T) {
	t.Parallel()
	w := start(t)
	copied := w.signedUp(ada).Tokens().Refresh
	w.age(grown)
	current := w.spend(copied, "key-number-1").wants(200).text("meta.refresh_token")

	for range 2 {
		w.age(grown)
		w.spend(copied, "key-number-1").wants(200)
	}
	next := w.spend(current, "key-number-2").wants(200).text("meta.refresh_token")
	if same(t, next, current) {
		t.Error("the thief keeps the owner's token young")
	}
	w.spend(copied, "key-number-1").wants(400, "refresh_token_reused@refresh")
}
