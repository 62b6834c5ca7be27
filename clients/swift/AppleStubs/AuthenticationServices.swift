import Foundation

public typealias ASPresentationAnchor = UIWindow

@MainActor
open class UIWindow: NSObject {}

open class ASAuthorizationRequest: NSObject {}

public struct ASAuthorizationError {
    public static let errorDomain = "com.apple.AuthenticationServices.AuthorizationError"
    public enum Code: Int, Sendable { case unknown = 1000, canceled, invalidResponse, notHandled, failed }
}

public protocol ASAuthorizationCredential: NSObjectProtocol {}

open class ASAuthorization: NSObject {
    open var credential: any ASAuthorizationCredential { fatalError() }
}

@MainActor
public protocol ASAuthorizationControllerDelegate: NSObjectProtocol {
    func authorizationController(controller: ASAuthorizationController, didCompleteWithAuthorization authorization: ASAuthorization)
    func authorizationController(controller: ASAuthorizationController, didCompleteWithError error: any Error)
}

@MainActor
public protocol ASAuthorizationControllerPresentationContextProviding: NSObjectProtocol {
    func presentationAnchor(for controller: ASAuthorizationController) -> ASPresentationAnchor
}

@MainActor
open class ASAuthorizationController: NSObject {
    public struct RequestOptions: OptionSet, Sendable {
        public let rawValue: UInt
        public init(rawValue: UInt) { self.rawValue = rawValue }
        public static let preferImmediatelyAvailableCredentials = RequestOptions(rawValue: 1)
    }

    public let authorizationRequests: [ASAuthorizationRequest]

    public init(authorizationRequests: [ASAuthorizationRequest]) {
        self.authorizationRequests = authorizationRequests
        super.init()
    }

    open weak var delegate: (any ASAuthorizationControllerDelegate)?
    open weak var presentationContextProvider: (any ASAuthorizationControllerPresentationContextProviding)?
    open func performRequests() { StubSheet.show(self, "sheet") }
    open func performRequests(options: RequestOptions) {
        StubSheet.show(self, options.contains(.preferImmediatelyAvailableCredentials) ? "immediately available" : "sheet")
    }

    open func performAutoFillAssistedRequests() { StubSheet.show(self, "autofill") }
    open func cancel() { StubSheet.answer(self, 1001) }
}

/// The system's sheet: what was asked of it, and the error that it ends with.
@MainActor
public enum StubSheet {
    /// Each sheet: how it was asked for, and by which requests.
    public static var shown: [(way: String, requests: [ASAuthorizationRequest])] = []
    /// The code of the error; 0: the sheet stays.
    public static var error = 0
    public static var reason = ""

    static func show(_ controller: ASAuthorizationController, _ way: String) {
        shown.append((way, controller.authorizationRequests))
        if error != 0 { answer(controller, error) }
    }

    static func answer(_ controller: ASAuthorizationController, _ code: Int) {
        let error = NSError(
            domain: ASAuthorizationError.errorDomain, code: code, userInfo: [NSLocalizedDescriptionKey: reason])
        controller.delegate?.authorizationController(controller: controller, didCompleteWithError: error)
    }
}

extension ASAuthorization {
    public struct Scope: Hashable, Sendable {
        public static let fullName = Scope()
        public static let email = Scope()
    }
}

open class ASAuthorizationAppleIDRequest: ASAuthorizationRequest {
    open var requestedScopes: [ASAuthorization.Scope]?
    open var nonce: String?
}

open class ASAuthorizationAppleIDProvider: NSObject {
    open func createRequest() -> ASAuthorizationAppleIDRequest { ASAuthorizationAppleIDRequest() }
}

open class ASAuthorizationAppleIDCredential: NSObject, ASAuthorizationCredential {
    open var identityToken: Data? { nil }
    open var authorizationCode: Data? { nil }
    open var fullName: PersonNameComponents? { nil }
}

public protocol ASPublicKeyCredential: ASAuthorizationCredential {
    var rawClientDataJSON: Data { get }
    var credentialID: Data { get }
}

public protocol ASAuthorizationPublicKeyCredentialRegistration: ASPublicKeyCredential {
    var rawAttestationObject: Data? { get }
}

public protocol ASAuthorizationPublicKeyCredentialAssertion: ASPublicKeyCredential {
    var rawAuthenticatorData: Data! { get }
    var userID: Data! { get }
    var signature: Data! { get }
}

open class ASAuthorizationPlatformPublicKeyCredentialRegistration: NSObject, ASAuthorizationPublicKeyCredentialRegistration {
    open var rawClientDataJSON: Data { Data() }
    open var credentialID: Data { Data() }
    open var rawAttestationObject: Data? { nil }
}

public struct ASAuthorizationPublicKeyCredentialUserVerificationPreference: Hashable, Sendable {
    public init(rawValue: String) {}
    public static let preferred = Self(rawValue: "preferred")
}

public struct ASAuthorizationPublicKeyCredentialResidentKeyPreference: Hashable, Sendable {
    public init(rawValue: String) {}
}

public struct ASCOSEAlgorithmIdentifier: Hashable, Sendable {
    public init(rawValue: Int) {}
}

open class ASAuthorizationPublicKeyCredentialParameters: NSObject {
    public init(algorithm: ASCOSEAlgorithmIdentifier) { super.init() }
}

open class ASAuthorizationPlatformPublicKeyCredentialDescriptor: NSObject {
    public init(credentialID: Data) { super.init() }
}

open class ASAuthorizationSecurityKeyPublicKeyCredentialDescriptor: NSObject {
    public struct Transport: Hashable, Sendable {
        public static var allSupported: [Transport] { [] }
    }

    public init(credentialID: Data, transports: [Transport]) { super.init() }
}

open class ASAuthorizationPlatformPublicKeyCredentialRegistrationRequest: ASAuthorizationRequest {
    open var displayName: String? = nil
    open var userVerificationPreference = ASAuthorizationPublicKeyCredentialUserVerificationPreference.preferred
    open var excludedCredentials: [ASAuthorizationPlatformPublicKeyCredentialDescriptor]? = nil
}

open class ASAuthorizationPlatformPublicKeyCredentialAssertionRequest: ASAuthorizationRequest {
    open var userVerificationPreference = ASAuthorizationPublicKeyCredentialUserVerificationPreference.preferred
    open var allowedCredentials: [ASAuthorizationPlatformPublicKeyCredentialDescriptor] = []
}

open class ASAuthorizationPlatformPublicKeyCredentialProvider: NSObject {
    public init(relyingPartyIdentifier: String) { super.init() }
    open func createCredentialRegistrationRequest(
        challenge: Data, name: String, userID: Data
    ) -> ASAuthorizationPlatformPublicKeyCredentialRegistrationRequest { .init() }
    open func createCredentialAssertionRequest(challenge: Data) -> ASAuthorizationPlatformPublicKeyCredentialAssertionRequest { .init() }
}

open class ASAuthorizationSecurityKeyPublicKeyCredentialRegistrationRequest: ASAuthorizationRequest {
    open var credentialParameters: [ASAuthorizationPublicKeyCredentialParameters] = []
    open var userVerificationPreference = ASAuthorizationPublicKeyCredentialUserVerificationPreference.preferred
    open var residentKeyPreference = ASAuthorizationPublicKeyCredentialResidentKeyPreference(rawValue: "")
    open var excludedCredentials: [ASAuthorizationSecurityKeyPublicKeyCredentialDescriptor] = []
}

open class ASAuthorizationSecurityKeyPublicKeyCredentialAssertionRequest: ASAuthorizationRequest {
    open var userVerificationPreference = ASAuthorizationPublicKeyCredentialUserVerificationPreference.preferred
    open var allowedCredentials: [ASAuthorizationSecurityKeyPublicKeyCredentialDescriptor] = []
}

open class ASAuthorizationSecurityKeyPublicKeyCredentialProvider: NSObject {
    public init(relyingPartyIdentifier: String) { super.init() }
    open func createCredentialRegistrationRequest(
        challenge: Data, displayName: String, name: String, userID: Data
    ) -> ASAuthorizationSecurityKeyPublicKeyCredentialRegistrationRequest { .init() }
    open func createCredentialAssertionRequest(challenge: Data) -> ASAuthorizationSecurityKeyPublicKeyCredentialAssertionRequest { .init() }
}
