package softkey

// The algorithms, as COSE numbers them.
const (
	ES256 int64 = -7
	EdDSA int64 = -8
	ES384 int64 = -35 // which the server does not offer
	RS256 int64 = -257
)

// habits are how an authenticator, and the browser around it, behave.
type habits struct {
	origin, topOrigin, rpID, kind  string
	clientDataJSON                 string
	challenge, handle, id          []byte
	publicKey                      []byte
	crossOrigin                    bool
	present, verified              bool
	eligible, backedUp             bool
	tampered, selfAttested         bool
	reports, noHandle, ignoreLists bool
	asString                       bool
	discoverable                   *bool
	count                          *uint32
	alg                            int64
	clientDataPadding              int
	attestationPadding             int
	shape                          func([]byte) []byte
}

func (h habits) reshape(cbor []byte) []byte {
	if h.shape == nil {
		return cbor
	}

	return h.shape(cbor)
}

// Habit changes how a Key behaves.
type Habit func(*habits)

// The flags and claims of a key that does as it should not.
var (
	// NoUP: nobody touched it.
	NoUP Habit = func(h *habits) { h.present = false }
	// NoUV: the person was not verified.
	NoUV Habit = func(h *habits) { h.verified = false }
	// Tampered: a bit of the signature is wrong.
	Tampered Habit = func(h *habits) { h.tampered = true }
	// CrossOrigin: it is used inside a frame of another origin.
	CrossOrigin Habit = func(h *habits) { h.crossOrigin = true }
	// NoUserHandle: it does not say whose it is.
	NoUserHandle Habit = func(h *habits) { h.noHandle = true }
	// NoCredProps: the client does not say whether a credential is discoverable.
	NoCredProps Habit = func(h *habits) { h.reports = false }
	// SelfAttested: it attests itself, unasked.
	SelfAttested Habit = func(h *habits) { h.selfAttested = true }
	// AnyCredential: it ignores which credentials are excluded and allowed.
	AnyCredential Habit = func(h *habits) { h.ignoreLists = true }
	// AsString: the answer is a JSON string that holds the object.
	AsString Habit = func(h *habits) { h.asString = true }
	// TruncatedCBOR: the last byte of what is in CBOR is missing.
	TruncatedCBOR Habit = func(h *habits) { h.shape = func(b []byte) []byte { return b[:len(b)-1] } }
	// Synced: the credential is backed up.
	Synced = Backup(true, true)
)

// Origin is where it is used.
func Origin(origin string) Habit { return func(h *habits) { h.origin = origin } }

// TopOrigin is that of the page around the frame.
func TopOrigin(origin string) Habit { return func(h *habits) { h.topOrigin = origin } }

// RPID is for which domain it answers, in place of the one that the options name.
func RPID(id string) Habit { return func(h *habits) { h.rpID = id } }

// Type is the type of the client data.
func Type(kind string) Habit { return func(h *habits) { h.kind = kind } }

// Challenge is answered in place of the one in the options.
func Challenge(challenge []byte) Habit { return func(h *habits) { h.challenge = challenge } }

// ClientData is the whole client data; CHALLENGE in it becomes the challenge.
func ClientData(json string) Habit { return func(h *habits) { h.clientDataJSON = json } }

// UserHandle is whose it says it is.
func UserHandle(handle []byte) Habit { return func(h *habits) { h.handle = handle } }

// CredentialID is the id of the credential that it makes.
func CredentialID(id []byte) Habit { return func(h *habits) { h.id = id } }

// PublicKey is the COSE key that it shows, in place of its own.
func PublicKey(cose []byte) Habit { return func(h *habits) { h.publicKey = cose } }

// Counter is what its counter shows; always 0 is a key that does not count.
func Counter(n uint32) Habit { return func(h *habits) { h.count = &n } }

// Backup sets whether it may be and is backed up.
func Backup(eligible, backedUp bool) Habit {
	return func(h *habits) { h.eligible, h.backedUp = eligible, backedUp }
}

// Algorithm is what it signs with.
func Algorithm(alg int64) Habit { return func(h *habits) { h.alg = alg } }

// CredProps is what the client says about whether a credential is discoverable.
func CredProps(rk bool) Habit { return func(h *habits) { h.discoverable = &rk } }

// ClientDataPadding makes the client data longer.
func ClientDataPadding(n int) Habit { return func(h *habits) { h.clientDataPadding = n } }

// AttestationPadding makes the attestation object longer.
func AttestationPadding(n int) Habit { return func(h *habits) { h.attestationPadding = n } }
