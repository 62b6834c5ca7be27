#if canImport(AuthenticationServices) && (os(iOS) || os(macOS) || os(visionOS))
import AuthenticationServices
import Foundation
import LatchkeyAPI

/// The system's sheet for passkeys and security keys. The app needs the capability Associated
/// Domains with `webcredentials:` and the server's `LATCHKEY_WEBAUTHN_RP_ID`, and the server the
/// app in `LATCHKEY_APPLE_APP_IDS`.
@available(iOS 16, macOS 13, visionOS 1, *)
@MainActor
public final class SystemPasskeyPrompt: PasskeyPrompt {
    /// When keys by USB and NFC are offered beside the passkeys of the device.
    public enum SecurityKeys: Sendable {
        /// Never.
        case never
        /// Where a key is made, and where the server names the keys of the user, as it does for a second
        /// factor. A sign-in by a passkey alone does not offer them: a user without a passkey
        /// would see the sheet for keys at once.
        case whenNamed
        /// Always.
        case always
    }

    private let securityKeys: SecurityKeys
    private let immediatelyAvailable: Bool
    private let autofill: Bool
    private let anchor: @MainActor () -> ASPresentationAnchor?

    /// Makes a prompt.
    ///
    /// - Parameters:
    ///   - securityKeys: When keys by USB and NFC are offered.
    ///   - immediatelyAvailable: Whether a passkey is asked for only if the device has one. Without one
    ///     ``PromptError/cancelled`` is thrown, and nothing is shown.
    ///   - autofill: Whether the system offers passkeys above the keyboard, in a text field with the content
    ///     type `username`, and shows no sheet. Begin it when the screen appears, and cancel its
    ///     task when the user signs in otherwise. iOS and visionOS; elsewhere the sheet is shown.
    ///   - anchor: The window that the sheet stands on.
    public init(
        securityKeys: SecurityKeys = .whenNamed, immediatelyAvailable: Bool = false, autofill: Bool = false,
        anchor: @escaping @MainActor () -> ASPresentationAnchor?
    ) {
        (self.securityKeys, self.anchor) = (securityKeys, anchor)
        (self.immediatelyAvailable, self.autofill) = (immediatelyAvailable, autofill)
    }

    /// Shows the sheet that makes a passkey.
    public func create(_ options: JsonObject) async throws(PromptError) -> Credential {
        let asked: PasskeyOptions.Creation = try PasskeyOptions.read(options)
        return try await show(securityKeys == .never ? [passkey(asked)] : [passkey(asked), securityKey(asked)], .sheet)
    }

    /// Shows the sheet that lets the user choose a passkey.
    public func assert(_ options: JsonObject) async throws(PromptError) -> Credential {
        let asked: PasskeyOptions.Request = try PasskeyOptions.read(options)
        if autofill { return try await show([passkey(asked)], .autofill) }
        let offersKeys = securityKeys == .always || (securityKeys == .whenNamed && asked.allowCredentials?.isEmpty == false)
        let requests = offersKeys ? [passkey(asked), securityKey(asked)] : [passkey(asked)]
        return try await show(requests, immediatelyAvailable ? .immediatelyAvailable : .sheet)
    }

    private func show(_ requests: [ASAuthorizationRequest], _ way: AuthorizationSheet.Way) async throws(PromptError) -> Credential {
        guard let anchor = anchor() else { throw .unavailable }
        guard case .passkey(let credential) = try await AuthorizationSheet(on: anchor).show(requests, way) else { throw .unavailable }
        return credential
    }

    private func passkey(_ asked: PasskeyOptions.Creation) -> ASAuthorizationRequest {
        let provider = ASAuthorizationPlatformPublicKeyCredentialProvider(relyingPartyIdentifier: asked.rp.id)
        let request = provider.createCredentialRegistrationRequest(
            challenge: asked.challenge.data, name: asked.user.name, userID: asked.user.id.data)
        if let name = asked.user.displayName { request.displayName = name }
        request.userVerificationPreference = verification(asked.authenticatorSelection?.userVerification)
        if #available(iOS 17.4, macOS 13.5, *) {
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
        request.excludedCredentials = named(asked.excludeCredentials)
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
        request.allowedCredentials = named(asked.allowCredentials)
        return request
    }

    private func verification(_ asked: String?) -> ASAuthorizationPublicKeyCredentialUserVerificationPreference {
        asked.map { ASAuthorizationPublicKeyCredentialUserVerificationPreference(rawValue: $0) } ?? .preferred
    }

    private func platform(_ known: [PasskeyOptions.Known]?) -> [ASAuthorizationPlatformPublicKeyCredentialDescriptor] {
        (known ?? []).map { ASAuthorizationPlatformPublicKeyCredentialDescriptor(credentialID: $0.id.data) }
    }

    private func named(_ known: [PasskeyOptions.Known]?) -> [ASAuthorizationSecurityKeyPublicKeyCredentialDescriptor] {
        // Whatever the server knows of ways to reach them: one more is only tried.
        let transports = ASAuthorizationSecurityKeyPublicKeyCredentialDescriptor.Transport.allSupported
        return (known ?? []).map { ASAuthorizationSecurityKeyPublicKeyCredentialDescriptor(credentialID: $0.id.data, transports: transports) }
    }
}
#endif
