package latchkey_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/latchkey-auth/latchkey/clients/go/latchkey"
)

func TestUserID_readsNumbersAndText(t *testing.T) {
	t.Parallel()

	for text, want := range map[string]string{
		`7`: "7", `"7"`: "7", `4503599627370495`: "4503599627370495", `"9223372036854775807"`: "9223372036854775807",
		`"6f1c2a52-9a3e-4a0e-9d56-0b1d2f3e4a5b"`: "6f1c2a52-9a3e-4a0e-9d56-0b1d2f3e4a5b",
	} {
		var user latchkey.User
		if err := json.Unmarshal([]byte(`{"id":`+text+`,"display":"ada","has_usable_password":true}`), &user); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if user.ID != latchkey.UserID(want) || fmt.Sprint(user.ID) != want {
			t.Errorf("%s: got %v, want %s", text, user.ID, want)
		}
	}

	for _, text := range []string{`1.5`, `1e3`, `true`, `{}`, `""`, `"a b"`} {
		var id latchkey.UserID
		if err := json.Unmarshal([]byte(text), &id); err == nil {
			t.Errorf("%s: got %q, want an error", text, id)
		}
	}
}

func TestUserID_writesTheFormOfTheServer(t *testing.T) {
	t.Parallel()

	for id, want := range map[latchkey.UserID]string{
		"7": `7`, "9007199254740991": `9007199254740991`, "9007199254740992": `"9007199254740992"`, "007": `"007"`, "ABC": `"ABC"`,
	} {
		if got, err := json.Marshal(id); err != nil || string(got) != want {
			t.Errorf("%s: got %s and %v, want %s", id, got, err, want)
		}
	}
}
