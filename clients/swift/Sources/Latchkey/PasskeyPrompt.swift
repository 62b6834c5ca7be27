import LatchkeyAPI

/// Makes passkeys and shows them: the system's sheet (`SystemPasskeyPrompt`), or one of your own.
///
/// The options and the answers are those of WebAuthn in JSON: `PublicKeyCredentialCreationOptionsJSON`
/// or `PublicKeyCredentialRequestOptionsJSON`, without `publicKey` around it, and what
/// `PublicKeyCredential.toJSON()` gives.
public protocol PasskeyPrompt: Sendable {
    /// Makes a passkey.
    ///
    /// - Throws: ``PromptError``; nothing has been asked of the server by then but the options.
    func create(_ options: JsonObject) async throws(PromptError) -> Credential

    /// Shows a passkey.
    ///
    /// - Throws: ``PromptError``; nothing has been asked of the server by then but the options.
    func assert(_ options: JsonObject) async throws(PromptError) -> Credential
}

/// Signs a person in with another service: the system's sheet for Apple (`AppleSignInPrompt`), or
/// a few lines around the SDK of the service.
public protocol ProviderPrompt: Sendable {
    /// Lets the person sign in there.
    ///
    /// - Parameter nonce: What has to stand in the id_token. Apple takes `nonceSha256`; Google, and
    ///   SDKs that hash by themselves, take `nonce`. The server refuses an id_token without it.
    func credential(nonce: ProviderNonce) async throws(PromptError) -> ProviderCredential
}

/// Why a prompt has brought nothing. Nobody is signed out by it.
public enum PromptError: Error, Hashable, Sendable {
    /// The person dismissed it, or had nothing to show.
    case cancelled
    /// A passkey of this account is on the device already.
    case alreadyRegistered
    /// It cannot be shown: the device or the app is not made for it, or the options are not.
    case unavailable
    /// Something else went wrong; the code and the reason are the system's. The reason of code 1004
    /// names the domain that the app is not associated with, for example.
    case failed(code: Int, reason: String = "")
}

/// What the system's error says, by the codes of `ASAuthorizationError`.
enum PromptJudgement {
    static func judge(_ code: Int, reason: String = "") -> PromptError {
        switch code {
        case 1001: .cancelled
        case 1003, 1005, 1010: .unavailable // not handled, not interactive, not set up for passkeys
        case 1006: .alreadyRegistered
        default: .failed(code: code, reason: reason)
        }
    }
}
