import Foundation
import LatchkeyAPI

/// One sign-in, from its beginning to its end. Sign-ins are numbered when they begin, and only
/// the newest one may set what is pending, or the session.
///
/// Its description shows no token.
final class SignInAttempt: Sendable, CustomStringConvertible, CustomReflectable {
    /// Grows with every beginning.
    let number: Int
    /// Whether it may replace tokens that cannot be read any more.
    let replacesLostStore: Bool
    /// Whether it replaces what is pending only once it has a pending step of its own.
    let isApart: Bool

    private let token = Locked<String?>(nil)

    init(number: Int, replacesLostStore: Bool = false, isApart: Bool = false) {
        self.number = number
        self.replacesLostStore = replacesLostStore
        self.isApart = isApart
    }

    /// What its requests carry, once the server has given it.
    var sessionToken: String? {
        get { token.withLock { $0 } }
        set { token.withLock { $0 = newValue } }
    }

    var description: String { "sign-in \(number)" }

    var customMirror: Mirror { Mirror(self, children: ["number": number]) }
}

/// A value that several threads change.
final class Locked<Value: Sendable>: @unchecked Sendable {
    private let mutex = NSLock()
    private var value: Value

    init(_ value: Value) { self.value = value }

    func withLock<T>(_ body: (inout Value) throws -> T) rethrows -> T { try mutex.withLock { try body(&value) } }
}

/// A sign-in that waits for its next step. In memory only: its token is worth a password.
struct PendingSignIn: Sendable {
    let attempt: SignInAttempt
    /// The flows that it has pending.
    var flows: Set<String>
}

/// What an operation is to a sign-in. `openapi.yaml` says it in words only, so that it cannot be
/// generated.
enum SignInRole: Sendable {
    /// It begins one: it carries nothing of the session and of other sign-ins.
    case begins
    /// It goes on with one that has this flow pending. `only`: it does nothing else.
    case goesOn(flow: String, only: Bool)
    case none

    init(_ request: HTTPRequest) {
        if request.operation == "submitProviderToken" {
            self = Self.connects(request) ? .none : .begins
        } else if Self.beginnings.contains(request.operation) {
            self = .begins
        } else if let (flow, only) = Self.steps[request.operation] {
            self = .goesOn(flow: flow, only: only)
        } else {
            self = .none
        }
    }

    private static let beginnings: Set<String> = [
        "getPasskeyLoginOptions", "login", "requestLoginCode", "requestPasswordReset", "signup", "signupByPasskey",
    ]

    private static let steps: [String: (flow: String, only: Bool)] = [
        "completePasskeySignup": ("mfa_signup_webauthn", true),
        "completeProviderSignup": ("provider_signup", true),
        "confirmLoginCode": ("login_by_code", true),
        "getEmailVerification": ("verify_email", false),
        "getPasskeySignupOptions": ("mfa_signup_webauthn", true),
        "getPasswordReset": ("password_reset_by_code", false),
        "getProviderSignup": ("provider_signup", true),
        "getSecondFactorOptions": ("mfa_authenticate", true),
        "loginByPasskey": ("mfa_login_webauthn", true),
        "resendEmailVerification": ("verify_email", false),
        "resendLoginCode": ("login_by_code", true),
        "resendPhoneVerification": ("verify_phone", true),
        "resetPassword": ("password_reset_by_code", false),
        "submitSecondFactor": ("mfa_authenticate", true),
        "submitSecondFactorCredential": ("mfa_authenticate", true),
        "verifyEmail": ("verify_email", false),
        "verifyPhone": ("verify_phone", false),
    ]

    /// The flow of a pending sign-in that an operation of a signed-in user takes over: the code that
    /// it sends belongs to the session.
    static func flowTaken(by operation: String) -> String? {
        switch operation {
        case "addEmailAddress", "resendEmailAddressVerification": "verify_email"
        case "changePhoneNumber": "verify_phone"
        default: nil
        }
    }

    /// Operations that answer 401 with nothing pending where they did what they were asked to.
    static let endsIn401: Set<String> = ["endSession", "requestPasswordReset", "resetPassword", "verifyEmail"]

    private struct ProviderProcess: Decodable { let process: String }

    private static func connects(_ request: HTTPRequest) -> Bool {
        guard let body = request.body, let given = try? JSONDecoder().decode(ProviderProcess.self, from: body) else { return false }
        return given.process == "connect" || given.process == "reauthenticate"
    }
}
