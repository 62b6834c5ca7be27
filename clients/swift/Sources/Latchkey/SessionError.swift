import Foundation
import LatchkeyAPI

/// Why a session could not do what it was asked to. None carries a token.
public enum SessionError: Error, Hashable, Sendable {
    /// Nobody is signed in; the reason, where known.
    case signedOut(EndReason?)
    /// The device is locked and the tokens cannot be read until it is unlocked. Nothing is lost.
    case locked
    /// The tokens could not be read or written. Nothing is lost; try again.
    case store(StoreError)
    /// No answer came, now or less than 15 s ago. Nothing is lost; try again.
    case network(TransportError)
    /// The server cannot answer now, or the session waits before it asks again. Nothing is
    /// lost; try again after so many seconds. The status is absent where nothing was asked.
    case unavailable(status: Int?, code: String?, retryAfter: TimeInterval?)
    /// Somebody else answered, such as a captive portal. Nothing is lost; try again.
    case undocumented(status: Int)
    /// The server says what is wrong with the request: show it.
    case problem(status: Int, [Problem])
    /// The person dismissed the unlock prompt, now or less than 30 s ago.
    case unlockCancelled
    /// The key of the unlock prompt is gone, such as after new faces or fingers were enrolled.
    case unlockFailed
    /// The device cannot show the unlock prompt; the reason says what the user can do about it.
    case unlockUnavailable(UnlockUnavailable)
    /// The person is signed in, but has to prove again that it is them: let them do it by one of
    /// these flows (``Session/reauthenticate(password:)``, ``Session/reauthenticate(code:)``,
    /// ``Session/reauthenticate(byService:)``, ``Session/reauthenticate(sentCode:)``,
    /// ``Session/reauthenticate(with:)``), then repeat the call.
    case reauthenticate([Flow])
    /// The prompt for a passkey or another service has brought nothing, such as because the person
    /// dismissed it. Nothing is lost.
    case prompt(PromptError)
    /// A step of a sign-in was to be taken, and no sign-in is under way, or not any more: begin again.
    case nothingPending
    /// The caller was cancelled.
    case cancelled
    /// The request would carry the access token to an address that is neither the server's nor in
    /// ``SessionOptions/origins``.
    case foreignHost

    /// What the app does about it, in the words of `openapi.yaml`.
    public var action: ClientAction {
        switch self {
        case .signedOut: .signOut
        case .reauthenticate: .reauthenticate
        case .prompt(.cancelled): .retry
        case .problem, .prompt, .nothingPending, .unlockFailed, .unlockUnavailable, .foreignHost: .show
        case .unavailable(409, _, _): .reread
        case .unavailable(let status, _, _): status == 429 ? .wait : .retry
        case .locked, .store, .network, .undocumented, .unlockCancelled, .cancelled: .retry
        }
    }
}

/// Why a session ended.
public struct EndReason: Hashable, Sendable {
    /// The problem code of the answer that ended it, such as `session_ended`, or one of
    /// ``user``, ``reinstalled``, ``restored``, ``storageKeyLost``.
    public let code: String
    /// When the server ended it, where it said so.
    public let endedAt: Date?

    /// Makes a reason.
    public init(code: String, endedAt: Date? = nil) { (self.code, self.endedAt) = (code, endedAt) }

    /// The person signed out.
    public static let user = EndReason(code: "user")
    /// The app was installed anew, and its policy is to start signed out.
    public static let reinstalled = EndReason(code: "reinstalled")
    /// The app's data came from a backup, the tokens did not: they belong to one device.
    public static let restored = EndReason(code: "restored")
    /// The stored tokens could not be read any more, and the user's own sign-in or sign-out replaced them.
    public static let storageKeyLost = EndReason(code: "storage_key_lost")
}

/// What a session is right now.
public enum SessionState: Hashable, Sendable {
    /// There is a refresh token.
    case signedIn
    /// The store could be read and holds none; the reason, where known.
    case signedOut(EndReason?)
    /// The store cannot be read while the device is locked. Not signed out.
    case locked
    /// The store cannot be read. Not signed out.
    case unreadable(StoreError)
}

/// What has happened to a session.
public enum SessionChange: Hashable, Sendable {
    /// Somebody has signed in.
    case signedIn
    /// The session has ended; the reason, where known.
    case signedOut(EndReason?)
}

/// How far a sign-in has come.
public enum SignInResult: Hashable, Sendable {
    /// Done; the tokens are stored.
    case signedIn(User)
    /// A step is pending, such as a code: take it with the operation of the flow's name on
    /// ``Session/api``, or ``Session/submitSecondFactor(code:)``. The session is signed in as soon
    /// as the answer to one carries tokens.
    case pending([Flow])
}

extension ClientError {
    /// What the session says about it, where a call on ``Session/api`` failed.
    public var session: SessionError {
        switch self {
        case .transport(_, let error): SessionError(error)
        case .undocumented(_, let response): .undocumented(status: response.status)
        case .encoding: .problem(status: 0, [])
        }
    }
}

extension SessionError {
    init(_ error: any Error) {
        switch error {
        case let error as SessionError: self = error
        case let error as ClientError: self = error.session
        case let error as StoreError: self = error == .locked ? .locked : .store(error)
        case let error as TransportError: self = .network(error)
        case let error as PromptError: self = .prompt(error)
        case is CancellationError: self = .cancelled
        default: self = .network(.network(code: (error as NSError).code))
        }
    }

    /// For an answer whose problems say why there was nothing else.
    static func answer(_ status: Int, _ problem: ErrorResponse, operation: String, retryAfter: Int? = nil) -> SessionError {
        let code = problem.errors?.first?.code
        switch ClientActions.action(operation: operation, status: status, facts: AnswerFacts(code: code)) {
        case .wait, .reread, .retry: return .unavailable(status: status, code: code, retryAfter: retryAfter.map { TimeInterval($0) })
        default: return .problem(status: status, problem.errors ?? [])
        }
    }
}
