package factor

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/softkey"
)

// sound is client data that is as it should be, so that what comes after it is reached.
func sound(c Ceremony, kind string) string {
	return text([]byte(`{"type":"` + kind + `","challenge":"` + text(c.Challenge) + `","origin":"` + origin + `","crossOrigin":false}`))
}

// parts are members of an answer's response, decoded.
func parts(t testing.TB, answer json.RawMessage, name string) (id, value []byte) {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal(answer, &object); err != nil {
		t.Fatal(err)
	}
	r := reader{true}
	return r.bytes(object, "id", maxID), r.bytes(object["response"].(map[string]any), name, maxAttestation)
}

// T-FUZ-09. whole is a credential as it comes; id and attestation are put behind sound
// client data.
func FuzzFinishRegistration(f *testing.F) {
	factors, u := keys(f), person()
	options, c, _ := factors.StartRegistration(u, false, start)
	for _, alg := range []int64{softkey.ES256, softkey.EdDSA, softkey.RS256, softkey.ES384} {
		for _, habit := range []softkey.Habit{softkey.Synced, softkey.NoUV, softkey.SelfAttested, softkey.AsString, softkey.TruncatedCBOR, softkey.CrossOrigin} {
			answer := softkey.New(origin).With(softkey.Algorithm(alg), habit).Register(options)
			id, attestation := []byte{}, []byte{}
			if answer[0] == '{' {
				id, attestation = parts(f, answer, "attestationObject")
			}
			f.Add([]byte(answer), id, attestation)
		}
	}
	f.Fuzz(func(t *testing.T, whole, id, attestation []byte) {
		built, _ := json.Marshal(map[string]any{"id": text(id), "type": "public-key", "response": map[string]any{
			"clientDataJSON": sound(c, "webauthn.create"), "attestationObject": text(attestation),
		}})
		for _, answer := range [][]byte{whole, built} {
			credential, err := factors.FinishRegistration(c, u, answer, start)
			if err != nil {
				refusedQuietly(t, err, c)
				continue
			}
			if len(credential.ID) == 0 || len(credential.ID) > maxID || len(credential.AAGUID) != 16 || checkKey(credential.PublicKey) != nil || credential.BackupState && !credential.BackupEligible {
				t.Errorf("accepted %+v", credential)
			}
		}
	})
}

// T-FUZ-09. whole is a credential as it comes; data, signature and handle are put behind
// sound client data. Nothing is ever accepted: the key's private half is not here.
func FuzzFinishAssertion(f *testing.F) {
	factors, u, k := keys(f), person(), softkey.New(origin)
	u.Handle = []byte("always the same, in each worker.")
	if _, err := register(f, factors, &u, k, true); err != nil {
		f.Fatal(err)
	}
	options, c, _ := factors.StartAssertion(&u, start)
	open, p, _ := factors.StartAssertion(nil, start)
	for _, habit := range []softkey.Habit{softkey.Synced, softkey.NoUV, softkey.AsString, softkey.Tampered, softkey.CrossOrigin, softkey.NoUserHandle, softkey.Counter(0)} {
		for _, answer := range []json.RawMessage{k.With(habit, softkey.Challenge(NewHandle())).Assert(options), k.With(habit, softkey.Challenge(NewHandle())).Assert(open)} {
			data, signature := []byte{}, []byte{}
			if answer[0] == '{' {
				_, data = parts(f, answer, "authenticatorData")
				_, signature = parts(f, answer, "signature")
			}
			f.Add([]byte(answer), data, signature, u.Handle)
		}
	}
	f.Fuzz(func(t *testing.T, whole, data, signature, handle []byte) {
		build := func(c Ceremony) []byte {
			built, _ := json.Marshal(map[string]any{"id": text(u.Credentials[0].ID), "type": "public-key", "response": map[string]any{
				"clientDataJSON": sound(c, "webauthn.get"), "authenticatorData": text(data), "signature": text(signature), "userHandle": text(handle),
			}})
			return built
		}
		for _, answer := range [][]byte{whole, build(c), build(p)} {
			_, err := factors.FinishAssertion(c, u, answer, start)
			refusedQuietly(t, err, c)
			_, err = factors.FinishPasskey(p, finder(u), answer, start)
			refusedQuietly(t, err, p)
		}
	})
}

func refusedQuietly(t *testing.T, err error, c Ceremony) {
	t.Helper()
	if !errors.Is(err, ErrIncorrect) || errors.Is(err, ErrCounter) || strings.Contains(err.Error(), text(c.Challenge)) {
		t.Errorf("%v", err)
	}
}
