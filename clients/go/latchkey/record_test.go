package latchkey

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"
)

// token is a token with these claims; nobody here checks signatures.
func token(claims string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
}

func TestRecord_comesBackAsItWas(t *testing.T) {
	want := newRecord(7, token(`{"sid":"s","sub":"42","iat":1,"exp":2}`))
	got, err := decodeRecord(want.encode())
	if err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	if got.Session != "s" || got.User != "42" || len(got.Key) != 22 {
		t.Errorf("whose it is: %+v", got)
	}
}

func TestRecord_isNotBelievedWhenAPartIsMissing(t *testing.T) {
	text := newRecord(7, token(`{"sid":"s"}`)).encode()
	for n := range text {
		if rec, err := decodeRecord(text[:n]); err == nil {
			t.Fatalf("%d of %d bytes were taken for a record: %+v", n, len(text), rec)
		}
	}
	text[len(text)-3] ^= 1
	if _, err := decodeRecord(text); err == nil {
		t.Error("a changed byte was not noticed")
	}
}

func TestRecord_fitsASlotWithTheLongestToken(t *testing.T) {
	longest := strings.Repeat("x", 672) // openapi.yaml: a JWT of at most 672 bytes
	rec := record{Seq: 1<<63 - 1, Refresh: longest, Key: newKey(), Session: strings.Repeat("s", 22), User: "4503599627370495"}
	if n := len(rec.encode()); n > 1024 {
		t.Errorf("%d bytes", n)
	}
}

func TestRecord_keysAreNeverTheSame(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		seen[newRecord(1, "a.b.c").Key] = true
	}
	if len(seen) != 1000 {
		t.Errorf("%d keys for 1000 records of one token", len(seen))
	}
}

// The server repeats a young token: equal in its claims, not in its bytes. An attempt to spend it
// that is still on its way has sent the key of before.
func TestRecord_aTokenThatIsReceivedAgainKeepsItsKey(t *testing.T) {
	first := newRecord(1, token(`{"jti":"one","sid":"s"}`))
	for name, c := range map[string]struct {
		next string
		same bool
	}{
		"repeated":            {token(`{"jti":"one","sid":"s"}`) + "again", true},
		"its successor":       {token(`{"jti":"two","sid":"s"}`), false},
		"one that says no id": {"opaque", false},
	} {
		t.Run(name, func(t *testing.T) {
			next := first.after(2, c.next)
			if got := next.Key == first.Key; got != c.same {
				t.Errorf("the same key: %v", got)
			}
			if next.Refresh != c.next || next.Seq != 2 {
				t.Errorf("%+v", next)
			}
		})
	}
	if unread := newRecord(1, "opaque"); unread.after(2, "opaque").Key == unread.Key {
		t.Error("two tokens that say no id share a key")
	}
}

// at is a moment at which the clocks have gone on by so much since some start.
func at(monotonic, wall time.Duration) moment {
	return moment{monotonic, time.Unix(1_800_000_000, 0).Add(wall)}
}

func TestAccess_livesFromReceiptByTheClockThatSaysMore(t *testing.T) {
	const received = time.Hour
	for _, iat := range []int64{0, 1_800_000_000, 99_000_000_000} {
		a := newAccess(token(fmt.Sprintf(`{"iat":%d,"exp":%d}`, iat, iat+300)), at(received, received))
		for after, want := range map[time.Duration][2]bool{
			0: {false, false}, 269 * time.Second: {false, false}, 270 * time.Second: {true, false},
			299 * time.Second: {true, false}, 300 * time.Second: {true, true},
		} {
			for name, now := range map[string]moment{
				"both":                           at(received+after, received+after),
				"the machine slept":              at(received, received+after),
				"the wall clock jumped back":     at(received+after, received-20*365*day),
				"the wall clock is at a halt":    at(received+after, received),
				"the monotonic clock went first": at(received+after, received+after/2),
			} {
				if got := [2]bool{a.due(now), a.expired(now)}; got != want {
					t.Errorf("%s, iat %d, after %s: due and expired are %v, want %v", name, iat, after, got, want)
				}
			}
		}
	}
}

// time.Now has a monotonic reading, by which Sub would compare.
func TestSystemClock_wallClockCountsByItself(t *testing.T) {
	s, err := NewSession("https://auth.example.com")
	must(t, err)
	if text := s.now().wall.String(); strings.Contains(text, "m=") {
		t.Errorf("the wall clock is %s", text)
	}
}

func TestAccess_ofUnknownLifeIsGoodUntilThe401(t *testing.T) {
	for _, text := range []string{"opaque", token(`{}`), token(`not JSON`), token(`{"iat":300,"exp":0}`)} {
		if a := newAccess(text, at(0, 0)); a.expired(at(day, day)) || a.due(at(day, day)) {
			t.Errorf("%q: the client knows better than the server", text)
		}
	}
}

const day = 24 * time.Hour
