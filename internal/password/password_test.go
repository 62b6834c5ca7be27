package password

import (
	"runtime"
	"strings"
	"testing"

	"github.com/alexedwards/argon2id"

	"github.com/latchkey-auth/latchkey/internal/foreignhash"
)

// slot is one for tests that are not about the gate.
func slot(t testing.TB) *Slot {
	t.Helper()
	g := NewGate()
	if _, err := g.Configure(Settings{Assembly: true}); err != nil {
		t.Fatal(err)
	}

	s, err := g.Enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Leave)
	return s
}

func hashWith(t testing.TB, password string, p argon2id.Params) string {
	t.Helper()
	h, err := argon2id.CreateHash(password, &p)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// cheap hashes in microseconds.
var cheap = argon2id.Params{Memory: 8, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}

func TestSEC37_normalizeStripsAndComposes(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"": "", "  ": "", "secret": "secret", " secret\t\n": "secret", "\u00a0secret\u2003": "secret", "two words": "two words", "  two  words ": "two  words",
		"cafe\u0301": "caf\u00e9", "caf\u00e9": "caf\u00e9", "\u212b": "\u00c5", "\u1112\u1161\u11ab": "\ud55c", "PassWord": "PassWord",
		"\ufb01": "\ufb01", "\u00b2": "\u00b2", // NFC, not NFKC: nobody's password loses a distinction
	} {
		if got := Normalize(given); got != want {
			t.Errorf("%q: got %q, want %q", given, got, want)
		}
		if again := Normalize(want); again != want {
			t.Errorf("%q is normalised, but becomes %q", want, again)
		}
	}
}

func TestVerify_findsTheHashedPasswordAndNoOther(t *testing.T) {
	t.Parallel()
	s := slot(t)
	const right = "correct horse"
	stored, err := s.Hash(right)
	if err != nil {
		t.Fatal(err)
	}
	if ok, weak := s.Verify(right, &stored); !ok || weak {
		t.Errorf("right: %v, weak %v", ok, weak)
	}
	for _, wrong := range []string{"", "correct horsE", "correct hors", "correct horse\x00", stored} {
		if ok, weak := s.Verify(wrong, &stored); ok || weak {
			t.Errorf("%q: %v, weak %v", wrong, ok, weak)
		}
	}
}

func TestSEC33_hashIsArgon2idWithOwnSalt(t *testing.T) {
	t.Parallel()
	s := slot(t)
	seen := map[string]bool{}
	for range 3 {
		h, err := s.Hash("secret")
		if err != nil {
			t.Fatal(err)
		}
		p, _, _, err := argon2id.DecodeHash(h)
		if err != nil || *p != params || !strings.HasPrefix(h, "$argon2id$v=19$m=19456,t=2,p=1$") {
			t.Errorf("%s: %+v, %v", h, p, err)
		}
		seen[h] = true
	}
	if len(seen) != 3 {
		t.Error("two hashes of one password are equal")
	}
}

// Where there is no password, even the empty one is wrong.
func TestSEC40_missingHashNeverMatches(t *testing.T) {
	t.Parallel()
	s := slot(t)
	for _, p := range []string{"", "secret", decoy} {
		if ok, weak := s.Verify(p, nil); ok || weak {
			t.Errorf("%q: %v, weak %v", p, ok, weak)
		}
	}
	if n := s.gate.Hashes(); n != 3 {
		t.Errorf("%d hashes for 3 passwords: an account without one would answer sooner", n)
	}
}

// Were the decoy broken or cheaper, the time of an answer would tell accounts apart.
func TestSEC40_decoyCostsWhatAPasswordCosts(t *testing.T) {
	t.Parallel()
	p, salt, key, err := argon2id.DecodeHash(decoy)
	if err != nil {
		t.Fatal(err)
	}
	if *p != params || len(salt) != 16 || len(key) != 32 {
		t.Errorf("the decoy has %+v, today's parameters are %+v", *p, params)
	}
}

// A missing hash, and one that cannot be read, cost what a wrong password costs: the time of an answer would
// tell accounts apart. Not parallel: allocations are counted for the whole process.
func TestSEC40_missingHashTakesTheMemoryOfAHash(t *testing.T) {
	s := slot(t)
	s.gate.portable = true // it allocates for each hash

	allocated := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)

		return m.TotalAlloc
	}
	text := func(stored string) *string { return &stored }

	for name, stored := range map[string]*string{
		"none":                 nil,
		"empty":                text(""),
		"of another kind":      text("pbkdf2_sha256$600000$salt$aGFzaA=="),
		"cut off":              text(decoy[:40]),
		"of too much memory":   text("$argon2id$v=19$m=4194304,t=2,p=1$PRNnqqQcRGY2OL5GJ5/1/w$6ypiAgl9eOgwEGQ8Qz6aylOk8UEBfPlmNjJr4EJ6ZvE"),
		"of no pass":           text("$argon2id$v=19$m=19456,t=0,p=1$PRNnqqQcRGY2OL5GJ5/1/w$6ypiAgl9eOgwEGQ8Qz6aylOk8UEBfPlmNjJr4EJ6ZvE"),
		"with a tag too short": text("$argon2id$v=19$m=19456,t=2,p=1$PRNnqqQcRGY2OL5GJ5/1/w$6ypiAgl9"),
	} {
		t.Run(name, func(t *testing.T) {
			before := allocated()
			if ok, _ := s.Verify("secret", stored); ok {
				t.Fatal("accepted")
			}
			if used := allocated() - before; used < uint64(params.Memory)<<10 {
				t.Errorf("%d bytes: the decoy was not hashed, and the answer tells that there is no password", used)
			}
		})
	}
}

func TestSEC34_otherParametersAreFlaggedWhenThePasswordIsRight(t *testing.T) {
	t.Parallel()
	s := slot(t)
	for name, c := range map[string]struct {
		change func(*argon2id.Params)
		weak   bool
	}{
		"today's":     {func(*argon2id.Params) {}, false},
		"less memory": {func(p *argon2id.Params) { p.Memory-- }, true},
		"one pass":    {func(p *argon2id.Params) { p.Iterations = 1 }, true},
		"stronger":    {func(p *argon2id.Params) { p.Memory, p.Iterations = 20000, 3 }, true},
		"more lanes":  {func(p *argon2id.Params) { p.Parallelism = 2 }, true},
	} {
		p := params
		c.change(&p)
		stored := hashWith(t, "secret", p)
		if ok, weak := s.Verify("secret", &stored); !ok || weak != c.weak {
			t.Errorf("%s: %v, weak %v; want weak %v", name, ok, weak, c.weak)
		}
		if ok, weak := s.Verify("wrong", &stored); ok || weak {
			t.Errorf("%s: a wrong password gives %v, weak %v", name, ok, weak)
		}
	}
}

// Somebody who can write the database must not stop the server. None of these would
// come back if it was hashed: terabytes, days, or a panic in the library.
func TestSEC33_parametersOutOfBoundsAreRefusedWithoutHashing(t *testing.T) {
	t.Parallel()
	s := slot(t)
	unreadable := 0
	s.gate.Unreadable = func(error) { unreadable++ }
	good := hashWith(t, "secret", cheap)
	tail := good[strings.LastIndexByte(good[:strings.LastIndexByte(good, '$')], '$'):]
	salt := tail[:strings.LastIndexByte(tail, '$')+1]
	for _, stored := range []string{
		"$argon2id$v=19$m=4294967295,t=1,p=1" + tail, "$argon2id$v=19$m=262145,t=1,p=1" + tail,
		"$argon2id$v=19$m=8,t=4294967295,p=1" + tail, "$argon2id$v=19$m=8,t=11,p=1" + tail,
		"$argon2id$v=19$m=8,t=1,p=255" + tail, "$argon2id$v=19$m=8,t=1,p=17" + tail,
		"$argon2id$v=19$m=8,t=0,p=1" + tail, "$argon2id$v=19$m=8,t=1,p=0" + tail, "$argon2id$v=19$m=0,t=0,p=0" + tail,
		"$argon2id$v=19$m=8,t=1,p=1" + salt, "$argon2id$v=19$m=8,t=1,p=1" + salt + "AA", "$argon2id$v=19$m=8,t=1,p=1$$",
	} {
		for _, p := range []string{"secret", ""} {
			before := unreadable
			if ok, weak := s.Verify(p, &stored); ok || weak || unreadable != before+1 {
				t.Errorf("%s: %v, weak %v; want a mismatch, reported once", stored, ok, weak)
			}
		}
	}
	bounds := "$argon2id$v=19$m=8,t=10,p=16" + tail
	before := unreadable
	if ok, _ := s.Verify("secret", &bounds); ok || unreadable != before {
		t.Errorf("at the bounds: %v; want it hashed and wrong", ok)
	}
}

func TestVerify_unreadableHashIsReportedAndNoMatch(t *testing.T) {
	t.Parallel()
	s := slot(t)
	unreadable := 0
	s.gate.Unreadable = func(error) { unreadable++ }
	for _, stored := range []string{
		"", "secret", "$", "$$$$$", "!unusable", "$2b$16$" + strings.Repeat("a", 53), "pbkdf2_sha256$1$a$b", "$argon2i$v=19$m=8,t=1,p=1$AAAA$AAAA",
		"$argon2id$v=16$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=19$m=-1,t=1,p=1$AAAA$AAAA", "$argon2id$v=19$m=8,t=1,p=256$AAAA$AAAA",
		"$argon2id$v=19$m=8,t=1,p=1$*$*", hashWith(t, "secret", cheap) + "$",
	} {
		for _, p := range []string{"secret", "", stored} {
			before := unreadable
			if ok, weak := s.Verify(p, &stored); ok || weak || unreadable != before+1 {
				t.Errorf("%q: %v, weak %v; want a mismatch, reported once", stored, ok, weak)
			}
		}
	}
}

// FuzzVerify: whatever the database says, there is an answer, and yes is none that a
// damaged hash can give.
func FuzzVerify(f *testing.F) {
	stored := hashWith(f, "secret", cheap)
	f.Add(stored)
	f.Add(strings.Replace(stored, "t=1", "t=0", 1))
	f.Add(strings.Replace(stored, "p=1", "p=0", 1))
	f.Add(strings.TrimSuffix(stored, stored[strings.LastIndexByte(stored, '$')+1:]))
	f.Add("$argon2id$v=19$m=4294967295,t=1,p=1$AAAA$AAAA")
	f.Add("")
	s := slot(f)
	reported := false
	s.gate.Unreadable = func(error) { reported = true }
	f.Fuzz(func(t *testing.T, text string) {
		hash, unreadable := foreignhash.Read(text, foreignhash.Keys{})
		if unreadable == nil && hash.Kind() != "argon2id$8,1,1" {
			return // legal, and may be too slow for a fuzzer
		}

		reported = false
		ok, weak := s.Verify("not the password", &text)
		if ok || weak {
			t.Fatalf("%q matches", text)
		}
		if _, _, isOurs := decode(text); !reported && unreadable != nil && !isOurs {
			t.Fatalf("%q was hashed: %v", text, unreadable)
		}
	})
}
