import LatchkeyAPI

/// What another service gave to the app when the person signed in there.
///
/// Its description shows no tokens.
public struct ProviderCredential: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    /// Names the service, as `getConfig` does.
    public let provider: String
    var token: ProviderToken

    /// Makes one.
    ///
    /// - Parameters:
    ///   - provider: Names the service, as `getConfig` does.
    ///   - clientID: What the id_token was made for, its `aud`.
    ///   - idToken: The id_token.
    ///   - nonce: What ``Session/providerNonce()`` gave. The server refuses an id_token that carries a
    ///     nonce without it, or with another one; of a ``ProviderPrompt`` the session adds it by itself.
    ///   - authorizationCode: Apple's, so that the server can end the grant when the person leaves.
    ///   - name: What the service calls the person, where the id_token does not tell.
    public init(
        provider: String, clientID: String, idToken: String,
        nonce: ProviderNonce? = nil, authorizationCode: String? = nil, name: String? = nil
    ) {
        self.provider = provider
        token = ProviderToken(clientId: clientID, idToken: idToken, nonce: nonce?.nonce, authorizationCode: authorizationCode, name: name)
    }

    /// Of Sign in with Apple, whose request was given `nonceSha256`.
    ///
    /// - Parameters:
    ///   - clientID: The app's bundle id.
    ///   - identityToken: `identityToken` of the credential, as text.
    ///   - nonce: What ``Session/providerNonce()`` gave. The server refuses an id_token that carries a
    ///     nonce without it; of a ``ProviderPrompt`` the session adds it by itself.
    ///   - authorizationCode: `authorizationCode` of the credential, as text.
    ///   - name: The full name. Apple tells it at the first sign-in only, and only to the app.
    public static func apple(
        clientID: String, identityToken: String, nonce: ProviderNonce? = nil, authorizationCode: String?, name: String? = nil
    ) -> ProviderCredential {
        ProviderCredential(
            provider: "apple", clientID: clientID, idToken: identityToken, nonce: nonce, authorizationCode: authorizationCode, name: name)
    }

    /// Of Google's SDK, whose sign-in was given `nonce` as it is.
    ///
    /// - Parameters:
    ///   - clientID: What the id_token was made for: the server's client id where the app sets one
    ///     (`GIDServerClientID`), else the app's (`GIDClientID`).
    ///   - idToken: `user.idToken.tokenString` of the result.
    ///   - nonce: As of ``apple(clientID:identityToken:nonce:authorizationCode:name:)``.
    public static func google(clientID: String, idToken: String, nonce: ProviderNonce? = nil) -> ProviderCredential {
        ProviderCredential(provider: "google", clientID: clientID, idToken: idToken, nonce: nonce)
    }

    /// The service.
    public var description: String { "credential of \(provider)" }

    /// A mirror without secrets.
    public var customMirror: Mirror { Mirror(self, children: ["provider": provider]) }
}
