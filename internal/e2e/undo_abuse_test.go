package e2e

import "testing"

// A thief who has removed all of the owner's addresses gets undo links, too. Opening one does not
// take the owner's away.
func TestUndo_aThiefsLinkDoesNotVoidTheOwners(t *testing.T) {
	t.Parallel()
	h, owners, thief, s := robbed(t)

	keys, thiefs := h.undoKeys(ada), h.undoKeys(robber)
	if len(thiefs) == 0 {
		t.Fatal("the thief's address got no undo link")
	}
	h.undo(thiefs[len(thiefs)-1]).wants(200)

	for _, key := range keys {
		h.call("GET", undoPath, "", "X-Account-Undo-Key: "+key).wants(200)
	}

	letters := len(h.letters(ada))
	h.undo(keys[0]).wants(200)
	h.thiefIsOut(thief, s)
	h.ownerIsBack(owners, letters)
}
