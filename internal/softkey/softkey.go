// Package softkey owns an authenticator in software, for tests: it answers WebAuthn
// options as a browser with a key would, and misbehaves where it is told to. It was
// written from the standard and uses nothing that the server uses, so that one mistake
// cannot be made on both sides. It verifies nothing, and keeps no secret.
package softkey

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Key is an authenticator. It may hold many credentials; copies made by With hold the same ones.
type Key struct {
	habits habits
	held   *[]*held
}

// held is one credential.
type held struct {
	id, handle   []byte
	rpID         string
	alg          int64
	private      crypto.Signer
	count        uint32
	discoverable bool
}

// New returns an authenticator that is used on an origin, verifies its user, counts, and
// is not backed up.
func New(origin string) *Key {
	return &Key{habits{origin: origin, alg: ES256, present: true, verified: true, reports: true}, &[]*held{}}
}

// With returns the same authenticator with other habits.
func (k *Key) With(changes ...Habit) *Key {
	other := &Key{k.habits, k.held}
	for _, change := range changes {
		change(&other.habits)
	}

	return other
}

// IDs lists the credentials held, oldest first.
func (k *Key) IDs() [][]byte {
	var ids [][]byte
	for _, h := range *k.held {
		ids = append(ids, h.id)
	}

	return ids
}

// options are what of a server's options matters here.
type options struct {
	RP        struct{ ID string }
	RPID      string
	User      struct{ ID string }
	Challenge string
	Exclude   []struct{ ID string } `json:"excludeCredentials"`
	Allow     []struct{ ID string } `json:"allowCredentials"`
	Selection struct {
		ResidentKey string
	} `json:"authenticatorSelection"`
}

// parse finds the options in {"publicKey": …}, also inside an answer of the server.
func parse(text []byte) options {
	for {
		var object map[string]json.RawMessage
		must(json.Unmarshal(text, &object))

		inner := json.RawMessage(nil)
		for _, name := range []string{"data", "creation_options", "request_options", "publicKey"} {
			if v, ok := object[name]; ok {
				inner = v
			}
		}

		if inner == nil {
			break
		}

		text = inner
	}

	var o options
	must(json.Unmarshal(text, &o))

	if o.Challenge == "" {
		panic("softkey: no challenge in the options")
	}

	return o
}

// Register answers creation options with a new credential. It panics at options that are
// none, and where it holds an excluded credential, as a browser would refuse.
func (k *Key) Register(creationOptions []byte) json.RawMessage {
	o := parse(creationOptions)
	for _, e := range o.Exclude {
		if !k.habits.ignoreLists && k.find(decode(e.ID)) != nil {
			panic("softkey: holds an excluded credential")
		}
	}

	h := &held{
		id: k.habits.id, handle: decode(o.User.ID), rpID: o.RP.ID, alg: k.habits.alg, private: generate(k.habits.alg), count: 1,
		discoverable: o.Selection.ResidentKey == "required",
	}
	if h.id == nil {
		h.id = make([]byte, 32)
		_, _ = rand.Read(h.id)
	}

	*k.held = append(*k.held, h)
	clientData := k.clientData("webauthn.create", o.Challenge)

	cose := k.habits.publicKey
	if cose == nil {
		cose = k.habits.reshape(publicKey(h.private, h.alg))
	}

	attested := slices.Concat(make([]byte, 16), binary.BigEndian.AppendUint16(nil, uint16(len(h.id))), h.id, cose) //nolint:gosec // a test gives at most 65535
	authData := k.authenticatorData(h, attested)
	attestation := k.habits.reshape(k.attestation(h, authData, clientData))
	response := map[string]any{"clientDataJSON": encode(clientData), "attestationObject": encode(attestation), "transports": []string{"internal", "hybrid"}}

	extensions := map[string]any{}
	if k.habits.reports {
		rk := h.discoverable
		if k.habits.discoverable != nil {
			rk = *k.habits.discoverable
		}

		extensions["credProps"] = map[string]any{"rk": rk}
	}

	return k.credential(h.id, response, extensions)
}

// Assert answers request options with the newest credential that they allow, or, where they
// name none, the newest discoverable one. It panics where there is none.
func (k *Key) Assert(requestOptions []byte) json.RawMessage {
	o := parse(requestOptions)
	h := k.choose(o)
	clientData := k.clientData("webauthn.get", o.Challenge)
	h.count++
	authData := k.authenticatorData(h, nil)
	sum := sha256.Sum256(clientData)

	signature := sign(h.private, slices.Concat(authData, sum[:]))
	if k.habits.tampered {
		signature[len(signature)-1] ^= 1
	}

	response := map[string]any{"clientDataJSON": encode(clientData), "authenticatorData": encode(authData), "signature": encode(signature), "userHandle": nil}
	switch {
	case k.habits.handle != nil:
		response["userHandle"] = encode(k.habits.handle)
	case !k.habits.noHandle && (h.discoverable || len(o.Allow) == 0):
		response["userHandle"] = encode(h.handle)
	}

	return k.credential(h.id, response, map[string]any{})
}

func (k *Key) choose(o options) *held {
	for _, h := range slices.Backward(*k.held) {
		named := slices.ContainsFunc(o.Allow, func(a struct{ ID string }) bool { return slices.Equal(decode(a.ID), h.id) })
		if named || len(o.Allow) == 0 && h.discoverable && h.rpID == o.RPID || k.habits.ignoreLists {
			return h
		}
	}

	panic("softkey: holds no credential that is asked for")
}

func (k *Key) find(id []byte) *held {
	i := slices.IndexFunc(*k.held, func(h *held) bool { return slices.Equal(h.id, id) })
	if i < 0 {
		return nil
	}

	return (*k.held)[i]
}

// credential is the whole answer, as toJSON of a browser gives it.
func (k *Key) credential(id []byte, response, extensions map[string]any) json.RawMessage {
	text := marshal(map[string]any{
		"id": encode(id), "rawId": encode(id), "type": "public-key", "response": response,
		"clientExtensionResults": extensions, "authenticatorAttachment": "platform",
	})
	if k.habits.asString {
		text = marshal(string(text))
	}

	return text
}

func (k *Key) clientData(kind, challenge string) []byte {
	if k.habits.kind != "" {
		kind = k.habits.kind
	}

	if k.habits.challenge != nil {
		challenge = encode(k.habits.challenge)
	}

	if k.habits.clientDataJSON != "" {
		return []byte(strings.ReplaceAll(k.habits.clientDataJSON, "CHALLENGE", challenge))
	}

	data := map[string]any{"type": kind, "challenge": challenge, "origin": k.habits.origin, "crossOrigin": k.habits.crossOrigin}
	if k.habits.topOrigin != "" {
		data["topOrigin"] = k.habits.topOrigin
	}

	if k.habits.clientDataPadding > 0 {
		data["padding"] = strings.Repeat("x", k.habits.clientDataPadding)
	}

	return marshal(data)
}

// authenticatorData is that of WebAuthn, section 6.1.
func (k *Key) authenticatorData(h *held, attested []byte) []byte {
	rpID := h.rpID
	if k.habits.rpID != "" {
		rpID = k.habits.rpID
	}

	count := h.count
	if k.habits.count != nil {
		count = *k.habits.count
	}

	var flags byte
	for bit, set := range map[byte]bool{0x01: k.habits.present, 0x04: k.habits.verified, 0x08: k.habits.eligible, 0x10: k.habits.backedUp, 0x40: attested != nil} {
		if set {
			flags |= bit
		}
	}

	sum := sha256.Sum256([]byte(rpID))

	return slices.Concat(sum[:], []byte{flags}, binary.BigEndian.AppendUint32(nil, count), attested)
}

// attestation is an attestation object: with no statement, or one that the key signs itself.
func (k *Key) attestation(h *held, authData, clientData []byte) []byte {
	format, statement := "none", mapOf()
	if k.habits.selfAttested {
		sum := sha256.Sum256(clientData)
		format, statement = "packed", mapOf(pair{textOf("alg"), intOf(h.alg)}, pair{textOf("sig"), bytesOf(sign(h.private, slices.Concat(authData, sum[:])))})
	}

	pairs := []pair{{textOf("fmt"), textOf(format)}, {textOf("attStmt"), statement}, {textOf("authData"), bytesOf(authData)}}
	if k.habits.attestationPadding > 0 {
		pairs = append(pairs, pair{textOf("padding"), bytesOf(make([]byte, k.habits.attestationPadding))})
	}

	return mapOf(pairs...)
}

func generate(alg int64) crypto.Signer {
	var private crypto.Signer

	var err error
	switch alg {
	case ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case ES384:
		private, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case EdDSA:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	case RS256:
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	default:
		panic(fmt.Sprintf("softkey: algorithm %d is not known", alg))
	}

	must(err)

	return private
}

func sign(private crypto.Signer, data []byte) []byte {
	hash := crypto.SHA256
	switch p := private.(type) {
	case ed25519.PrivateKey:
		return ed25519.Sign(p, data)
	case *ecdsa.PrivateKey:
		if p.Curve == elliptic.P384() {
			hash = crypto.SHA384
		}
	}

	digest := hash.New()
	_, _ = digest.Write(data)
	signature, err := private.Sign(rand.Reader, digest.Sum(nil), hash)
	must(err)

	return signature
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func decode(text string) []byte {
	b, err := base64.RawURLEncoding.DecodeString(text)
	must(err)
	return b
}

func marshal(v any) []byte {
	text, err := json.Marshal(v)
	must(err)
	return text
}

func must(err error) {
	if err != nil {
		panic("softkey: " + err.Error())
	}
}
