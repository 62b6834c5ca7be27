#if canImport(AuthenticationServices) && (os(iOS) || os(macOS))
import AuthenticationServices
import Foundation
import LatchkeyAPI

/// The system's sheet for passkeys and security keys. The app needs the capability Associated
/// Domains with `webcredentials:` and the server's `LATCHKEY_WEBAUTHN_RP_ID`, and the server the
/// app in `LATCHKEY_APPLE_APP_IDS`.
@available(iOS 16, macOS 13, *)
@MainActor
public final class SystemPasskeyPrompt: PasskeyPrompt {
    private let takesSecurityKeys: Bool
    private let anchor: @MainActor () -> ASPresentationAnchor?

    /// Makes a prompt.
    ///
    /// - Parameters:
    ///   - takesSecurityKeys: Whether keys by USB and NFC are offered too.
    ///   - anchor: The window that the sheet stands on.
    public init(takesSecurityKeys: Bool = true, anchor: @escaping @MainActor () -> ASPresentationAnchor?) {
        (self.takesSecurityKeys, self.anchor) = (takesSecurityKeys, anchor)
    }

    /// Shows the sheet that makes a passkey.
    public func create(_ options: JsonObject) async throws(PromptError) -> Credential {
        let asked: PasskeyOptions.Creation = try PasskeyOptions.read(options)
        return try await show(takesSecurityKeys ? [passkey(asked), securityKey(asked)] : [passkey(asked)])
    }

    /// Shows the sheet that lets the person choose a passkey.
    public func assert(_ options: JsonObject) async throws(PromptError) -> Credential {
        let asked: PasskeyOptions.Request = try PasskeyOptions.read(options)
        return try await show(takesSecurityKeys ? [passkey(asked), securityKey(asked)] : [passkey(asked)])
    }

    private func show(_ requests: [ASAuthorizationRequest]) async throws(PromptError) -> Credential {
        guard let anchor = anchor() else { throw .unavailable }
        guard case .passkey(let credential) = try await AuthorizationSheet(on: anchor).show(requests) else { throw .unavailable }
        return credential
    }

    private func passkey(_ asked: PasskeyOptions.Creation) -> ASAuthorizationRequest {
        let provider = ASAuthorizationPlatformPublicKeyCredentialProvider(relyingPartyIdentifier: asked.rp.id)
        let request = provider.createCredentialRegistrationRequest(
            challenge: asked.challenge.data, name: asked.user.name, userID: asked.user.id.data)
        if let name = asked.user.displayName { request.displayName = name }
        request.userVerificationPreference = verification(asked.authenticatorSelection?.userVerification)
        if #available(iOS 17.4, macOS 14.4, *) {
            request.excludedCredentials = platform(asked.excludeCredentials)
        }
        return request
    }

    private func securityKey(_ asked: PasskeyOptions.Creation) -> ASAuthorizationRequest {
        let provider = ASAuthorizationSecurityKeyPublicKeyCredentialProvider(relyingPartyIdentifier: asked.rp.id)
        let request = provider.createCredentialRegistrationRequest(
            challenge: asked.challenge.data, displayName: asked.user.displayName ?? asked.user.name,
            name: asked.user.name, userID: asked.user.id.data)
        request.credentialParameters = (asked.pubKeyCredParams ?? []).map {
            ASAuthorizationPublicKeyCredentialParameters(algorithm: ASCOSEAlgorithmIdentifier(rawValue: $0.alg))
        }
        request.userVerificationPreference = verification(asked.authenticatorSelection?.userVerification)
        if let resident = asked.authenticatorSelection?.residentKey {
            request.residentKeyPreference = ASAuthorizationPublicKeyCredentialResidentKeyPreference(rawValue: resident)
        }
        request.excludedCredentials = securityKeys(asked.excludeCredentials)
        return request
    }

    private func passkey(_ asked: PasskeyOptions.Request) -> ASAuthorizationRequest {
        let provider = ASAuthorizationPlatformPublicKeyCredentialProvider(relyingPartyIdentifier: asked.rpId)
        let request = provider.createCredentialAssertionRequest(challenge: asked.challenge.data)
        request.userVerificationPreference = verification(asked.userVerification)
        request.allowedCredentials = platform(asked.allowCredentials)
        return request
    }

    private func securityKey(_ asked: PasskeyOptions.Request) -> ASAuthorizationRequest {
        let provider = ASAuthorizationSecurityKeyPublicKeyCredentialProvider(relyingPartyIdentifier: asked.rpId)
        let request = provider.createCredentialAssertionRequest(challenge: asked.challenge.data)
        request.userVerificationPreference = verification(asked.userVerification)
        request.allowedCredentials = securityKeys(asked.allowCredentials)
        return request
    }

    private func verification(_ asked: String?) -> ASAuthorizationPublicKeyCredentialUserVerificationPreference {
        asked.map { ASAuthorizationPublicKeyCredentialUserVerificationPreference(rawValue: $0) } ?? .preferred
    }

    private func platform(_ known: [PasskeyOptions.Known]?) -> [ASAuthorizationPlatformPublicKeyCredentialDescriptor] {
        (known ?? []).map { ASAuthorizationPlatformPublicKeyCredentialDescriptor(credentialID: $0.id.data) }
    }

    private func securityKeys(_ known: [PasskeyOptions.Known]?) -> [ASAuthorizationSecurityKeyPublicKeyCredentialDescriptor] {
        // Whatever the server knows of ways to reach them: one more is only tried.
        let transports = ASAuthorizationSecurityKeyPublicKeyCredentialDescriptor.Transport.allSupported
        return (known ?? []).map { ASAuthorizationSecurityKeyPublicKeyCredentialDescriptor(credentialID: $0.id.data, transports: transports) }
    }
}
#endif
