#if canImport(AuthenticationServices) && (os(iOS) || os(macOS) || os(visionOS))
import AuthenticationServices
import Foundation
import LatchkeyAPI

/// Sign in with Apple. The app needs the capability of that name, and the server the app's bundle
/// id among the client ids of `apple` in `SOCIALACCOUNT_PROVIDERS`.
@available(iOS 16, macOS 13, visionOS 1, *)
@MainActor
public final class AppleSignInPrompt: ProviderPrompt {
    private let clientID: String
    private let anchor: @MainActor () -> ASPresentationAnchor?

    /// Makes a prompt.
    ///
    /// - Parameters:
    ///   - clientID: What Apple's tokens are made for: the app's bundle id, unless another is given.
    ///   - anchor: The window that the sheet stands on.
    public init(clientID: String? = nil, anchor: @escaping @MainActor () -> ASPresentationAnchor?) {
        (self.clientID, self.anchor) = (clientID ?? Bundle.main.bundleIdentifier ?? "", anchor)
    }

    /// Shows Apple's sheet. The name is there at the first sign-in of a person only.
    public func credential(nonce: ProviderNonce) async throws(PromptError) -> ProviderCredential {
        guard let anchor = anchor() else { throw .unavailable }
        let request = ASAuthorizationAppleIDProvider().createRequest()
        request.requestedScopes = [.fullName, .email]
        request.nonce = nonce.nonceSha256 // Apple puts it into the token as it is given
        guard case .apple(let token, let code, let name) = try await AuthorizationSheet(on: anchor).show([request]) else { throw .unavailable }
        return .apple(clientID: clientID, identityToken: token, authorizationCode: code, name: name)
    }
}
#endif
