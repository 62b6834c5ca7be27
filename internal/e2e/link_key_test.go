package e2e

import "testing"

// written are the ways in which the key of a link comes out of mail programs.
var written = map[string]func(string) string{
	"with a full stop":        func(key string) string { return key + "." },
	"in brackets":             func(key string) string { return "<" + key + ">" },
	"with a bracket and stop": func(key string) string { return key + ")." },
	"between blanks":          func(key string) string { return "  " + key + " " },
	"with a query":            func(key string) string { return key + "?utm_source=mail" },
	"with padding":            func(key string) string { return key + "=" },
}

// pasted are those that no header can carry.
var pasted = map[string]func(string) string{
	"on two lines":         func(key string) string { return key[:20] + "\r\n" + key[20:] },
	"with a soft hyphen":   func(key string) string { return key[:20] + "\u00ad" + key[20:] },
	"with a zero width":    func(key string) string { return "\u200b" + key + "\ufeff" },
	"with a closing quote": func(key string) string { return "„" + key + "“" },
}

// Mail programs break lines and take punctuation along.
func TestLinkKey_isReadAsMailProgramsLeaveIt(t *testing.T) {
	t.Parallel()

	w := mailing(t, "ACCOUNT_EMAIL_VERIFICATION=optional")
	verify := func(what string, address string, write func(string) string, inHeader bool) {
		w.signedIn(address)
		key := w.mailedKey(address, 1)
		if inHeader {
			w.call("GET", verifyEmailPath, "", "X-Email-Verification-Key: "+write(key)).wants(200)
		}
		if a := w.visitor().post(verifyEmailPath, "key", write(key)); a.Status >= 400 && a.Status != 401 {
			t.Errorf("a key %s: %s", what, a.Body)
		}
	}
	n := 0
	for what, write := range written {
		n++
		verify(what, "user"+string(rune('a'+n))+"@example.com", write, true)
	}
	for what, write := range pasted {
		n++
		verify(what, "user"+string(rune('a'+n))+"@example.com", write, false)
	}

	w.signedIn(ada)
	w.visitor().post(resetRequestPath, "email", ada).wants(200)
	key := w.mailedKey(ada, 2)
	w.call("GET", resetPath, "", "X-Password-Reset-Key: "+key+">").wants(200)
	w.visitor().post(resetPath, "key", key[:9]+"\n"+key[9:]+".", "password", anotherPassword).wants(401)

	// Another key stays another one: case, an end that is missing, and one more letter.
	w.signedIn(grace)
	key = w.mailedKey(grace, 1)
	for _, other := range []string{key[1:], key[:len(key)-1], key + "A", "A" + key, swapped(key), key[:5] + "." + key[5:], "..."} {
		w.visitor().post(verifyEmailPath, "key", other).wants(400, "invalid_or_expired_key@key")
	}
	w.visitor().post(verifyEmailPath, "key", "").wants(400, "required@key")
}

// swapped is a text in which the case of one letter is another.
func swapped(text string) string {
	changed := []byte(text)
	for n, b := range changed {
		isLetter := b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
		if isLetter {
			changed[n] = b ^ ' '
			break
		}
	}

	return string(changed)
}

func TestLinkKey_ofAnUndoToo(t *testing.T) {
	t.Parallel()

	w, v := undoing(t)
	key := w.changed(v)
	w.call("GET", undoPath, "", "X-Account-Undo-Key: "+key+".").wants(200)
	w.page("GET", key+")").shows(200, "Undo changes to your account")
	w.visitor().post(undoPath, "key", "<"+key+">").wants(200)
}
