package factor

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// algorithms that keys may sign with (SEC-62), best first.
var algorithms = []webauthncose.COSEAlgorithmIdentifier{webauthncose.AlgES256, webauthncose.AlgEdDSA, webauthncose.AlgRS256}

// FinishRegistration judges the answer to StartRegistration. That the key is nobody
// else's is for the database to say.
func (f *Factors) FinishRegistration(c Ceremony, u WebAuthnUser, credential json.RawMessage, now time.Time) (Credential, error) {
	var none Credential
	if err := checkCeremony(c, registration, now); err != nil {
		return none, err
	}

	if len(c.Handle) == 0 || !bytes.Equal(c.Handle, u.Handle) {
		return none, refuse("begun by somebody else")
	}

	a, err := read(credential, registration)
	if err != nil {
		return none, err
	}

	if err := f.checkClientData(c, a); err != nil {
		return none, err
	}

	data, err := f.attested(c, a)
	if err != nil {
		return none, err
	}

	if err := checkKey(data.AttData.CredentialPublicKey); err != nil {
		return none, err
	}

	if _, again := u.credential(a.id); again {
		return none, refuse("registered already")
	}

	if c.Passwordless && a.discoverable != nil && !*a.discoverable {
		return none, refuse("not discoverable")
	}

	// Security: what was asked for decides, not what the client says of the key (credProps): a
	// client cannot make a second factor into a key that signs in alone
	// (TestPasskey_aKeyAddedAsSecondFactorNeverSignsInAlone).
	return Credential{
		ID: a.id, PublicKey: slices.Clone(data.AttData.CredentialPublicKey), SignCount: data.Counter, AAGUID: slices.Clone(data.AttData.AAGUID), Transports: a.transports,
		BackupEligible: data.Flags.HasBackupEligible(), BackupState: data.Flags.HasBackupState(), Passwordless: &c.Passwordless,
	}, nil
}

// attested verifies the attested data of a registration.
//
// Security: we request no attestation statement, so that one which arrives is dropped unread: no
// certificate of a stranger is ever parsed
// (TestWebAuthn_takesAJSONStringAndAStatementThatNobodyAskedFor).
func (f *Factors) attested(c Ceremony, a answer) (protocol.AuthenticatorData, error) {
	var none protocol.AuthenticatorData
	clean, _ := json.Marshal(map[string]any{
		"id": text(a.id), "rawId": text(a.id), "type": "public-key",
		"response": map[string]any{"clientDataJSON": text(a.clientData), "attestationObject": text(a.attestation)},
	})

	parsed, err := protocol.ParseCredentialCreationResponseBytes(clean)
	if err != nil {
		return none, refuse("malformed attestation")
	}

	parsed.Response.AttestationObject.Format = string(protocol.AttestationFormatNone)
	parsed.Response.AttestationObject.AttStatement = nil

	var offered []protocol.CredentialParameter
	for _, alg := range algorithms {
		offered = append(offered, protocol.CredentialParameter{Type: protocol.PublicKeyCredentialType, Algorithm: alg})
	}

	_, err = parsed.Verify(text(c.Challenge), f.settings.RPID, f.web, f.opaque, nil, protocol.TopOriginExplicitVerificationMode, false, c.Verify, true,
		nil, offered, protocol.AttestationPolicy{}, protocol.SignaturePolicy{})
	if err != nil {
		return none, refuse("the attested data is for another service, unverified, or of an algorithm that was not offered")
	}

	data := parsed.Response.AttestationObject.AuthData

	return data, checkFlags(data.Flags, c.Verify)
}

// checkKey refuses a key that could not be used later, or only slowly.
func checkKey(cose []byte) error {
	key, err := webauthncose.ParsePublicKey(cose)
	if err != nil {
		return refuse("a public key that cannot be used")
	}

	switch k := key.(type) {
	case webauthncose.EC2PublicKeyData:
		if k.Algorithm == int64(webauthncose.AlgES256) && k.Curve == int64(webauthncose.P256) {
			return nil
		}
	case webauthncose.OKPPublicKeyData:
		if k.Algorithm == int64(webauthncose.AlgEdDSA) && k.Curve == int64(webauthncose.Ed25519) {
			return nil
		}
	case webauthncose.RSAPublicKeyData:
		// 2048 to 4096 bits, and the exponents that there are.
		n := len(bytes.TrimLeft(k.Modulus, "\x00"))
		if k.Algorithm == int64(webauthncose.AlgRS256) && n >= 256 && n <= 512 && len(k.Exponent) <= 4 {
			return nil
		}
	}

	return refuse("a public key of an algorithm that was not offered")
}

// checkFlags: the library looks at the first two as well.
func checkFlags(flags protocol.AuthenticatorFlags, verify bool) error {
	switch {
	case !flags.HasUserPresent():
		return refuse("nobody was present")
	case verify && !flags.HasUserVerified():
		return refuse("the person was not verified")
	// Security: a key that says it is backed up and not eligible for backup contradicts itself (SEC-63,
	// TestAssertion_whatIsRefused).
	case flags.HasBackupState() && !flags.HasBackupEligible():
		return refuse("impossible backup flags")
	}

	return nil
}

// Asserted is a proof: what is true of the key now, to be stored.
type Asserted struct {
	CredentialID                []byte
	NewSignCount                uint32
	BackupEligible, BackupState bool
	// BecameEligible: it was not eligible for backup before. Worth an audit entry.
	BecameEligible bool
	// UserVerified: by fingerprint, face or PIN. Only then is it more than one factor.
	UserVerified bool
}

// FinishAssertion judges the answer to StartAssertion for u.
func (f *Factors) FinishAssertion(c Ceremony, u WebAuthnUser, credential json.RawMessage, now time.Time) (Asserted, error) {
	if err := checkCeremony(c, assertion, now); err != nil {
		return Asserted{}, err
	}

	if len(c.Handle) == 0 || !bytes.Equal(c.Handle, u.Handle) {
		return Asserted{}, refuse("begun by somebody else")
	}

	a, err := read(credential, assertion)
	if err != nil {
		return Asserted{}, err
	}

	key, own := u.credential(a.id)
	if !own || !slices.ContainsFunc(c.Allowed, func(id []byte) bool { return bytes.Equal(id, a.id) }) {
		return Asserted{}, refuse("a key that was not asked for")
	}

	if a.userHandle != nil && !bytes.Equal(a.userHandle, u.Handle) {
		return Asserted{}, refuse("a key of somebody else")
	}

	return f.assert(c, a, key)
}

// FinishPasskey judges the answer to StartAssertion for nobody. find looks up whose key
// it is: by the handle and the id, both of which must be theirs. Its error is returned as
// it is; for a key that nobody has, it returns ErrIncorrect.
func (f *Factors) FinishPasskey(c Ceremony, find func(handle, credentialID []byte) (WebAuthnUser, Credential, error), credential json.RawMessage, now time.Time) (Asserted, error) {
	if err := checkCeremony(c, passkey, now); err != nil {
		return Asserted{}, err
	}

	a, err := read(credential, passkey)
	if err != nil {
		return Asserted{}, err
	}

	if a.userHandle == nil {
		return Asserted{}, refuse("the key does not say whose it is")
	}

	// The challenge is checked before the look-up, so that an answer to a challenge that was never
	// given causes no query.
	if err := f.checkClientData(c, a); err != nil {
		return Asserted{}, err
	}

	u, key, err := find(a.userHandle, a.id)
	if err != nil {
		return Asserted{}, err
	}

	switch {
	case !bytes.Equal(u.Handle, a.userHandle) || !bytes.Equal(key.ID, a.id):
		return Asserted{}, refuse("a key of somebody else")
	case key.Passwordless == nil || !*key.Passwordless:
		return Asserted{}, refuse("the key is a second factor only")
	}

	c.Verify = true

	return f.assert(c, a, key)
}

// assert verifies a signature, and what is signed.
func (f *Factors) assert(c Ceremony, a answer, key Credential) (Asserted, error) {
	if err := f.checkClientData(c, a); err != nil {
		return Asserted{}, err
	}

	if err := checkKey(key.PublicKey); err != nil {
		return Asserted{}, err
	}

	clean, _ := json.Marshal(map[string]any{
		"id": text(a.id), "rawId": text(a.id), "type": "public-key",
		"response": map[string]any{"clientDataJSON": text(a.clientData), "authenticatorData": text(a.authenticatorData), "signature": text(a.signature)},
	})

	parsed, err := protocol.ParseCredentialRequestResponseBytes(clean)
	if err != nil {
		return Asserted{}, refuse("malformed authenticator data")
	}

	err = parsed.Verify(text(c.Challenge), f.settings.RPID, "", f.web, f.opaque, nil, protocol.TopOriginExplicitVerificationMode, false, c.Verify, true,
		key.PublicKey, protocol.SignaturePolicy{})
	if err != nil {
		return Asserted{}, refuse("for another service, unverified, or not signed by the key")
	}

	data := parsed.Response.AuthenticatorData
	if err := checkFlags(data.Flags, c.Verify); err != nil {
		return Asserted{}, err
	}

	eligible := data.Flags.HasBackupEligible()
	// Security: a synchronised key cannot become one that is bound to its device (SEC-63,
	// TestAssertion_aKeyMayBecomeEligibleForBackupAndNeverCease). The reverse happens on phones, but
	// the library refuses it, which would lock users out.
	if key.BackupEligible && !eligible {
		return Asserted{}, refuse("the key is no longer eligible for backup")
	}

	// Security: the counter is checked after the signature, since it is signed data. A counter that goes
	// back is recorded in the audit (SEC-63, TestAssertion_theCounterGrowsOrIsAlwaysZero).
	if (key.SignCount != 0 || data.Counter != 0) && data.Counter <= key.SignCount {
		return Asserted{}, ErrCounter
	}

	return Asserted{
		CredentialID: a.id, NewSignCount: data.Counter, BackupEligible: eligible, BackupState: data.Flags.HasBackupState(),
		BecameEligible: eligible && !key.BackupEligible, UserVerified: data.Flags.HasUserVerified(),
	}, nil
}
