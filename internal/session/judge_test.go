package session_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/session"
)

const (
	grace = time.Minute
	tick  = time.Nanosecond
)

var now = time.Unix(1_800_000_000, 0).UTC()

// world is one situation, told relative to now and to the row.
type world struct {
	sameUser, over bool
	ahead          int64 // generations by which the token is ahead of the row
	confirmed      bool
	age            time.Duration // of the current generation
	keys           [2]string     // of the rotation and of the request; "" for none
	sends          bool
	idle           time.Duration // until the row's refresh_expires_at
	absolute       time.Duration // until the row's expires_at
	own            time.Duration // until the token's exp
	exchange       bool          // it is a session token
	foreign        bool          // another system has signed it
	first          bool          // the current generation is the first
}

func (w world) judge() session.Verdict {
	current := int64(100)
	if w.first {
		current = 1
	}
	row := session.Row{
		Subject: "7", Over: w.over, Generation: current, Age: w.age, Confirmed: w.confirmed,
		RefreshExpiresAt: now.Add(w.idle), ExpiresAt: now.Add(w.absolute), KeyHash: hash(w.keys[0]), SendsKeys: w.sends,
	}
	token := session.Presented{
		Subject: "7", Generation: current + w.ahead, ExpiresAt: now.Add(w.own), KeyHash: hash(w.keys[1]), Exchange: w.exchange,
		Foreign: w.foreign,
	}
	if !w.sameUser {
		token.Subject = "8"
	}
	return session.Judge(row, token, now, grace)
}

func hash(key string) []byte {
	if key == "" {
		return nil
	}
	return []byte(key)
}

// table is the rule as people read it: the first row that fits decides.
var table = []struct {
	name    string
	fits    func(w world) bool
	verdict session.Verdict
}{
	{"1: another user's session", func(w world) bool { return !w.sameUser }, session.Invalid},
	{"2: ended, or the user is disabled", func(w world) bool { return w.over }, session.Ended},
	{"2: past its absolute age", func(w world) bool { return w.absolute <= 0 }, session.Ended},
	{"2: idle, and the token is none that the row has missed", func(w world) bool { return w.idle <= 0 && w.ahead <= 0 && !w.exchange && !w.firstUse() }, session.Ended},
	{"2: idle, and so is the token", func(w world) bool { return w.idle <= 0 && w.own <= 0 }, session.Ended},
	{"2: a foreign token has expired unused", func(w world) bool { return w.firstUse() && w.own <= 0 }, session.Ended},
	{"3: newer than the row", func(w world) bool { return w.ahead > 0 }, session.Adopt},
	{"4: a session token, and the first generation", func(w world) bool { return w.exchange && w.ahead == 0 && w.first }, session.Rotate},
	{"4: a session token, and the current generation has expired", func(w world) bool { return w.exchange && w.ahead == 0 && w.idle <= 0 }, session.Rotate},
	{"4: a foreign token, however young its session", func(w world) bool { return w.firstUse() }, session.Rotate},
	{"4: the current one, young", func(w world) bool { return w.ahead == 0 && w.age < grace && w.age > -grace }, session.Repeat},
	{"5: the current one", func(w world) bool { return w.ahead == 0 }, session.Rotate},
	{"6: a session token, and what would be handed out again has expired", func(w world) bool {
		maybeLost := !w.confirmed || w.age < grace
		return w.exchange && w.ahead == -1 && w.idle <= 0 && maybeLost && (!w.sends || w.sameKey())
	}, session.Rotate},
	{"6: unconfirmed, never sent a key", func(w world) bool { return w.ahead == -1 && !w.confirmed && !w.sends }, session.Replay},
	{"6: unconfirmed, the same key", func(w world) bool { return w.ahead == -1 && !w.confirmed && w.sameKey() }, session.Replay},
	{"6: its successor is young, never sent a key", func(w world) bool { return w.ahead == -1 && w.age < grace && !w.sends }, session.Replay},
	{"6: its successor is young, the same key", func(w world) bool { return w.ahead == -1 && w.age < grace && w.sameKey() }, session.Replay},
	{"7: its successor is young, another key or none", func(w world) bool { return w.ahead == -1 && w.age < grace }, session.Conflict},
	{"8: anything else", func(world) bool { return true }, session.Reuse},
}

// firstUse: the foreign token is the current one.
func (w world) firstUse() bool { return w.foreign && w.ahead == 0 }

// sameKey: no key is not the same as no key.
func (w world) sameKey() bool { return w.keys[0] == w.keys[1] && w.keys[1] != "" }

// choices are the values of one thing; each calls then with one of them.
type choice func(w world, then func(world))

func oneOf[T any](set func(*world, T), values ...T) choice {
	return func(w world, then func(world)) {
		for _, v := range values {
			set(&w, v)
			then(w)
		}
	}
}

// everything is each combination of values on both sides of every boundary.
func everything(visit func(world)) {
	boundary := []time.Duration{-time.Hour, -tick, 0, tick, time.Hour}
	choices := []choice{
		oneOf(func(w *world, v bool) { w.sameUser = v }, true, false),
		oneOf(func(w *world, v bool) { w.over = v }, false, true),
		oneOf(func(w *world, v int64) { w.ahead = v }, -2, -1, 0, 1, 5),
		oneOf(func(w *world, v bool) { w.confirmed = v }, false, true),
		// The negative ones: the database's clock was set back after the rotation.
		oneOf(func(w *world, v time.Duration) { w.age = v }, -time.Hour, -grace, tick-grace, 0, grace-tick, grace, grace+tick, 24*time.Hour),
		oneOf(func(w *world, v [2]string) { w.keys = v }, [2]string{}, [2]string{"", "k"}, [2]string{"k", ""}, [2]string{"k", "k"}, [2]string{"k", "l"}, [2]string{"k", "kk"}),
		oneOf(func(w *world, v bool) { w.sends = v }, false, true),
		oneOf(func(w *world, v time.Duration) { w.idle = v }, boundary...),
		oneOf(func(w *world, v time.Duration) { w.absolute = v }, boundary...),
		oneOf(func(w *world, v time.Duration) { w.own = v }, boundary...),
		oneOf(func(w *world, v string) { w.exchange, w.foreign = v == "exchange", v == "foreign" }, "", "exchange", "foreign"),
		oneOf(func(w *world, v bool) { w.first = v }, false, true),
	}
	var choose func(w world, n int)
	choose = func(w world, n int) {
		if n == len(choices) {
			visit(w)
			return
		}
		choices[n](w, func(w world) { choose(w, n+1) })
	}
	choose(world{}, 0)
}

func TestJudge_isTheTableInAllCombinations(t *testing.T) {
	t.Parallel()
	reached := make([]int, len(table))
	wrong := 0
	everything(func(w world) {
		for n, row := range table {
			if !row.fits(w) {
				continue
			}
			reached[n]++
			if got := w.judge(); got != row.verdict {
				if wrong++; wrong <= 10 { // a wrong rule is wrong thousands of times
					t.Errorf("row %s: got %d, want %d: %+v", row.name, got, row.verdict, w)
				}
			}
			return
		}
	})
	if wrong > 10 {
		t.Errorf("and %d more", wrong-10)
	}
	for n, row := range table {
		if reached[n] == 0 {
			t.Errorf("no combination reaches row %s", row.name)
		}
	}
}

// honest is a phone whose last answer was lost: the predecessor, with the key that
// rotated, of a session that sends keys.
func honest() world {
	return world{sameUser: true, ahead: -1, confirmed: true, age: grace + tick, keys: [2]string{"k", "k"}, sends: true, idle: time.Hour, absolute: time.Hour, own: -time.Hour}
}

func mustBe(t *testing.T, want session.Verdict, change func(*world)) {
	t.Helper()
	w := honest()
	change(&w)
	if got := w.judge(); got != want {
		t.Errorf("got %d, want %d: %+v", got, want, w)
	}
}

// Replayed on either condition alone, a thief who takes turns with the owner would
// never be noticed.
func TestJudge_replayNeedsBothConditions(t *testing.T) {
	t.Parallel()
	mustBe(t, session.Replay, func(w *world) { w.confirmed = false })
	mustBe(t, session.Replay, func(w *world) { w.age = grace - tick })
	mustBe(t, session.Reuse, func(w *world) { w.age = grace }) // the same key, but the successor is in use
	for _, key := range []string{"", "thief"} {
		mustBe(t, session.Reuse, func(w *world) { w.confirmed, w.keys[1] = false, key })
		mustBe(t, session.Conflict, func(w *world) { w.age, w.keys[1] = 0, key })
	}
}

// A generation lives at least the grace: what is still on its way with the predecessor is then
// one generation back, never two.
func TestJudge_youngTokenIsRepeatedWhateverItsKey(t *testing.T) {
	t.Parallel()
	for _, keys := range [][2]string{{}, {"k", "k"}, {"k", "l"}, {"k", ""}} {
		for _, confirmed := range []bool{false, true} {
			mustBe(t, session.Repeat, func(w *world) { w.ahead, w.age, w.keys, w.confirmed = 0, grace-tick, keys, confirmed })
			mustBe(t, session.Rotate, func(w *world) { w.ahead, w.age, w.keys, w.confirmed = 0, grace, keys, confirmed })
		}
	}
}

// Repeated until the database's clock has caught up, the token could expire meanwhile.
func TestJudge_tokenFromTheFutureRotates(t *testing.T) {
	t.Parallel()
	mustBe(t, session.Repeat, func(w *world) { w.ahead, w.age = 0, tick-grace })
	mustBe(t, session.Rotate, func(w *world) { w.ahead, w.age = 0, -grace })
}

// The conflict is the grace's alone: after it, another key is reuse, lost answer or not.
func TestJudge_conflictEndsWithTheGrace(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"", "thief"} {
		for _, confirmed := range []bool{false, true} {
			mustBe(t, session.Conflict, func(w *world) { w.age, w.keys[1], w.confirmed = grace-tick, key, confirmed })
			mustBe(t, session.Reuse, func(w *world) { w.age, w.keys[1], w.confirmed = grace, key, confirmed })
		}
	}
}

// Leaving the key out must not be a way around it.
func TestJudge_sessionThatHasSentAKeyCannotBeDowngraded(t *testing.T) {
	t.Parallel()
	mustBe(t, session.Replay, func(w *world) { w.confirmed, w.sends, w.keys = false, false, [2]string{} })
	mustBe(t, session.Reuse, func(w *world) { w.confirmed, w.sends, w.keys = false, true, [2]string{} })
}

// The predecessor's own exp says nothing: it lives as long as its successor.
func TestJudge_expiredPredecessorIsReplayedUntilItsSuccessorExpires(t *testing.T) {
	t.Parallel()
	mustBe(t, session.Replay, func(w *world) { w.confirmed, w.own, w.idle = false, -24*time.Hour, tick })
	mustBe(t, session.Ended, func(w *world) { w.confirmed, w.own, w.idle = false, 24*time.Hour, 0 })
}

// Nobody can sign a foreign token again, and its own end counts as long as it is the current one: then
// what it was replaced by decides.
func TestJudge_foreignTokenIsNeverRepeated(t *testing.T) {
	t.Parallel()
	for _, age := range []time.Duration{0, grace - tick, grace, 24 * time.Hour} {
		mustBe(t, session.Rotate, func(w *world) { w.foreign, w.ahead, w.age, w.own = true, 0, age, tick })
		mustBe(t, session.Rotate, func(w *world) { w.foreign, w.ahead, w.age, w.own, w.idle = true, 0, age, tick, 0 })
		mustBe(t, session.Ended, func(w *world) { w.foreign, w.ahead, w.age, w.own = true, 0, age, 0 })
		mustBe(t, session.Replay, func(w *world) { w.foreign, w.age, w.confirmed, w.own = true, age, false, 0 })
	}
	mustBe(t, session.Reuse, func(w *world) { w.foreign, w.own = true, 0 })
	mustBe(t, session.Reuse, func(w *world) { w.foreign, w.ahead, w.own = true, -2, 0 })
	mustBe(t, session.Ended, func(w *world) { w.foreign, w.confirmed, w.own, w.idle = true, false, time.Hour, 0 })
}

// A database that lost writes does not know that the session was refreshed since.
func TestJudge_tokenThatTheRowHasMissedLivesUntilTheLaterExpiry(t *testing.T) {
	t.Parallel()
	for _, ahead := range []int64{1, 5} {
		mustBe(t, session.Adopt, func(w *world) { w.ahead, w.idle, w.own = ahead, -time.Hour, tick })
		mustBe(t, session.Adopt, func(w *world) { w.ahead, w.idle, w.own = ahead, tick, -time.Hour })
		mustBe(t, session.Ended, func(w *world) { w.ahead, w.idle, w.own = ahead, 0, 0 })
		mustBe(t, session.Ended, func(w *world) { w.ahead, w.idle, w.own, w.absolute = ahead, tick, tick, 0 })
		mustBe(t, session.Ended, func(w *world) { w.ahead, w.over = ahead, true })
	}
}

func TestJudge_olderThanThePredecessorIsAlwaysReuse(t *testing.T) {
	t.Parallel()
	for _, ahead := range []int64{-2, -3, -99, math.MinInt32} {
		mustBe(t, session.Reuse, func(w *world) { w.ahead, w.confirmed, w.age, w.sends = ahead, false, 0, false })
	}
}

func TestJudge_strangerLearnsAndTouchesNothing(t *testing.T) {
	t.Parallel()
	for _, ahead := range []int64{-2, -1, 0, 1} {
		mustBe(t, session.Invalid, func(w *world) { w.sameUser, w.ahead = false, ahead })
		mustBe(t, session.Invalid, func(w *world) { w.sameUser, w.ahead, w.over, w.idle, w.absolute = false, ahead, true, 0, 0 })
	}
}

// FuzzJudge: what must hold whatever the numbers are.
func FuzzJudge(f *testing.F) {
	const over, confirmed, sends, sameKey, stranger = 1, 2, 4, 8, 16
	f.Add(int64(1), int8(0), uint8(0), int64(0), int64(1), int64(1), int64(1), []byte("k"), []byte("l"))
	f.Add(int64(3), int8(-1), uint8(confirmed|sends|sameKey), int64(61), int64(1), int64(1), int64(-1), []byte("k"), []byte(nil))
	f.Add(int64(3), int8(-1), uint8(sends|sameKey), int64(0), int64(1), int64(1), int64(-1), []byte{}, []byte{})
	f.Add(int64(9), int8(1), uint8(over|stranger), int64(-1), int64(0), int64(0), int64(1), []byte{}, []byte{})
	f.Fuzz(func(t *testing.T, generation int64, ahead int8, flags uint8, age, idle, absolute, own int64, rowKey, tokenKey []byte) {
		if generation < 1 || generation+int64(ahead) < 1 {
			return // the schema and the gate admit none
		}
		at := func(seconds int64) time.Time { return now.Add(time.Duration(seconds%1e9) * time.Second) }
		row := session.Row{
			Subject: "7", Over: flags&over != 0, Generation: generation, Age: time.Duration(age%1e9) * time.Second, Confirmed: flags&confirmed != 0,
			RefreshExpiresAt: at(idle), ExpiresAt: at(absolute), KeyHash: rowKey, SendsKeys: flags&sends != 0,
		}
		token := session.Presented{Subject: "7", Generation: generation + int64(ahead), ExpiresAt: at(own), KeyHash: tokenKey}
		if flags&stranger != 0 {
			token.Subject = "8"
		}
		if flags&sameKey != 0 {
			token.KeyHash = rowKey
		}
		got := session.Judge(row, token, now, grace)
		if broken := brokenInvariant(row, token, got); broken != "" {
			t.Fatalf("%s: got %d for\n%+v\n%+v", broken, got, row, token)
		}
	})
}

func brokenInvariant(row session.Row, token session.Presented, got session.Verdict) string {
	lives := !row.Over && now.Before(row.ExpiresAt)
	spends := got == session.Repeat || got == session.Rotate || got == session.Replay || got == session.Adopt
	young := row.Age < grace
	sameKey := len(token.KeyHash) > 0 && string(token.KeyHash) == string(row.KeyHash)
	switch {
	case (got == session.Invalid) != (row.Subject != token.Subject):
		return "Invalid if and only if the user differs"
	case spends && !lives:
		return "a session that is over gives nothing"
	case got == session.Rotate && token.Generation != row.Generation:
		return "only the current generation rotates"
	case got == session.Repeat && (token.Generation != row.Generation || !young):
		return "only the current generation is repeated, and only while it is young"
	case got == session.Rotate && young && row.Age > -grace:
		return "a generation lives at least the grace"
	case got == session.Conflict && (token.Generation != row.Generation-1 || !young || sameKey || !row.SendsKeys):
		return "only the predecessor of a young generation, from another caller, is a conflict"
	case got == session.Reuse && token.Generation == row.Generation-1 && young:
		return "the predecessor of a young generation ends nothing"
	case got == session.Replay && token.Generation != row.Generation-1:
		return "only the predecessor is replayed"
	case got == session.Adopt && token.Generation <= row.Generation:
		return "only a newer generation is adopted"
	case got == session.Reuse && token.Generation >= row.Generation:
		return "only an older generation is reuse"
	case got == session.Replay && row.SendsKeys && !sameKey:
		return "a session that sends keys is replayed to the same key alone"
	case got == session.Replay && row.Confirmed && !young:
		return "a successor in use is handed out again only within the grace"
	case (got == session.Repeat || got == session.Rotate || got == session.Replay) && !now.Before(row.RefreshExpiresAt):
		return "an idle session gives nothing to a token that the row knows"
	case got < session.Invalid || got > session.Reuse:
		return fmt.Sprintf("%d is no verdict", got)
	}
	return ""
}
