import Foundation
import LatchkeyAPI

extension SessionError: LocalizedError {
    /// A sentence for the user or the developer. Apps that speak other languages word the cases by themselves.
    public var errorDescription: String? {
        switch self {
        case .signedOut(let reason?): "You are signed out (\(reason.code))."
        case .signedOut(nil): "You are not signed in."
        case .locked: "The device is locked. Unlock it and try again."
        case .store(let error): error.errorDescription
        case .network(let error): error.errorDescription
        case .unavailable(_, _, let seconds?): "The server cannot answer now. Try again in \(Int(seconds.rounded(.up))) seconds."
        case .unavailable: "The server cannot answer now. Try again."
        case .undocumented(let status): "Something between the app and the server answered (status \(status)). Try again."
        case .problem(let status, let problems): problems.first?.message ?? "The server refused the request (status \(status))."
        case .unlockCancelled: "The app is locked. Try again in half a minute."
        case .unlockFailed: "Faces or fingers of this device have changed. Sign in again."
        case .unlockUnavailable(let reason): reason.text
        case .reauthenticate: "Prove again that it is you."
        case .prompt(let error): error.errorDescription
        case .nothingPending: "This sign-in is over. Begin again."
        case .cancelled: "The request was cancelled."
        case .foreignHost: "The address of the request is not one that may get the access token."
        }
    }
}

extension StoreError: LocalizedError {
    /// A sentence for the user or the developer.
    public var errorDescription: String? {
        switch self {
        case .locked: "The device is locked. Unlock it and try again."
        case .failed(code: Int(KeychainStatus.missingEntitlement)):
            "The app lacks the entitlement for the Keychain (-34018): add the capability Keychain Sharing, and give test bundles a host app."
        case .failed(let code): "The stored tokens cannot be read or written (code \(code)). Try again."
        case .damaged: "The stored tokens were not written as they were given. Try again."
        case .tooLarge(let bytes): "A text of \(bytes) bytes is too large for the store."
        case .lockUnavailable: "Another process uses the stored tokens. Try again."
        }
    }
}

extension PromptError: LocalizedError {
    /// A sentence for the user or the developer.
    public var errorDescription: String? {
        switch self {
        case .cancelled: "You cancelled."
        case .alreadyRegistered: "This device has a passkey of the account already."
        case .unavailable: "The device or the app cannot show this prompt."
        case .failed(let code, let reason): reason.isEmpty ? "The prompt failed (code \(code))." : reason
        }
    }
}
