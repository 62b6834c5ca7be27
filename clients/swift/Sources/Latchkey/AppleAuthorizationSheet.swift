#if canImport(AuthenticationServices) && (os(iOS) || os(macOS) || os(visionOS))
import AuthenticationServices
import Foundation
import LatchkeyAPI

/// One sheet of the system, from its requests to what of its answer is needed.
///
/// The system keeps no promise in its types about where it calls back, so that nothing here
/// depends on it: the answer is read where it comes, and handed over under a lock.
@available(iOS 16, macOS 13, visionOS 1, *)
final class AuthorizationSheet: NSObject, ASAuthorizationControllerDelegate,
    ASAuthorizationControllerPresentationContextProviding, @unchecked Sendable
{
    enum Answer: Sendable {
        case passkey(Credential)
        case apple(identityToken: String, authorizationCode: String?, name: String?)
    }

    /// How the system asks.
    enum Way: Sendable {
        case sheet, immediatelyAvailable, autofill
    }

    private let anchor: ASPresentationAnchor
    private let mutex = NSLock()
    private var waiting: CheckedContinuation<Result<Answer, PromptError>, Never>?
    @MainActor private var controller: ASAuthorizationController?

    @MainActor
    init(on anchor: ASPresentationAnchor) { self.anchor = anchor }

    /// Shows the sheet. Cancelling the task takes it away.
    @MainActor
    func show(_ requests: [ASAuthorizationRequest], _ way: Way = .sheet) async throws(PromptError) -> Answer {
        let controller = ASAuthorizationController(authorizationRequests: requests)
        controller.delegate = self
        controller.presentationContextProvider = self
        self.controller = controller
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                mutex.withLock { waiting = continuation }
                if Task.isCancelled { return finish(.failure(.cancelled)) }
                perform(controller, way)
            }
        } onCancel: {
            Task { @MainActor in self.controller?.cancel() }
        }
        self.controller = nil
        return try result.get()
    }

    @MainActor
    private func perform(_ controller: ASAuthorizationController, _ way: Way) {
        switch way {
        case .sheet: controller.performRequests()
        case .immediatelyAvailable: controller.performRequests(options: .preferImmediatelyAvailableCredentials)
        case .autofill:
            #if os(macOS)
            controller.performRequests()
            #else
            controller.performAutoFillAssistedRequests()
            #endif
        }
    }

    func authorizationController(controller: ASAuthorizationController, didCompleteWithAuthorization authorization: ASAuthorization) {
        finish(read(authorization.credential).map { .success($0) } ?? .failure(.failed(code: ASAuthorizationError.Code.invalidResponse.rawValue)))
    }

    func authorizationController(controller: ASAuthorizationController, didCompleteWithError error: any Error) {
        let error = error as NSError
        let judged = PromptJudgement.judge(error.code, reason: error.localizedDescription)
        finish(.failure(error.domain == ASAuthorizationError.errorDomain ? judged : .failed(code: error.code, reason: error.localizedDescription)))
    }

    func presentationAnchor(for controller: ASAuthorizationController) -> ASPresentationAnchor { anchor }

    private func finish(_ result: Result<Answer, PromptError>) {
        let continuation = mutex.withLock {
            defer { waiting = nil }
            return waiting
        }
        continuation?.resume(returning: result)
    }

    private func read(_ credential: any ASAuthorizationCredential) -> Answer? {
        switch credential {
        case let made as any ASAuthorizationPublicKeyCredentialRegistration:
            guard let attestation = made.rawAttestationObject else { return nil }
            // The system's own passkeys can always sign in alone; of a security key it does not say.
            let isSystems = made is ASAuthorizationPlatformPublicKeyCredentialRegistration
            return .passkey(PasskeyAnswer.creation(
                id: made.credentialID, clientData: made.rawClientDataJSON, attestation: attestation,
                transports: isSystems ? ["internal", "hybrid"] : ["usb", "nfc"], isDiscoverable: isSystems ? true : nil))
        case let shown as any ASAuthorizationPublicKeyCredentialAssertion:
            return .passkey(PasskeyAnswer.assertion(
                id: shown.credentialID, clientData: shown.rawClientDataJSON, authenticatorData: shown.rawAuthenticatorData,
                signature: shown.signature, user: shown.userID))
        case let apple as ASAuthorizationAppleIDCredential:
            guard let token = apple.identityToken else { return nil }
            let name = apple.fullName.map { PersonNameComponentsFormatter().string(from: $0) } ?? ""
            return .apple(
                identityToken: String(decoding: token, as: UTF8.self),
                authorizationCode: apple.authorizationCode.map { String(decoding: $0, as: UTF8.self) }, name: name.isEmpty ? nil : name)
        default: return nil
        }
    }
}
#endif
