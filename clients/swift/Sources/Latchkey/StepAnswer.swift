import LatchkeyAPI

/// What the answers of many operations have in common, whatever the operation gives.
enum StepAnswer<Value: Sendable>: Sendable {
    case done(Value)
    /// A step is pending, or the person has to prove again that it is them, or neither.
    case unauthorized(UnauthenticatedResponse)
    /// The server says what is wrong, or that it cannot answer now.
    case refused(Int, ErrorResponse, retryAfter: Int? = nil)
    /// The sign-in that the session token names is over.
    case gone
    case undocumented(Int)

    /// What somebody who is signed in asked for. A 401 is here never the end of the session: the
    /// session has refreshed by then, and only a refused refresh ends it.
    func value(of operation: String) throws(SessionError) -> Value {
        switch self {
        case .done(let value): return value
        case .unauthorized(let answer) where answer.meta.isAuthenticated == true: throw .reauthenticate(answer.data.flows)
        case .unauthorized: throw .unavailable(status: 401, code: nil, retryAfter: nil)
        case .refused(let status, let problem, let seconds): throw .answer(status, problem, operation: operation, retryAfter: seconds)
        case .gone: throw .unavailable(status: 410, code: nil, retryAfter: nil)
        case .undocumented(let status): throw .undocumented(status: status)
        }
    }

    /// What a sign-in that is under way asked for; the flows where another step comes first.
    func step(of operation: String) throws(SessionError) -> Step {
        switch self {
        case .unauthorized(let answer):
            let pending = answer.data.flows.filter { $0.isPending == true }
            if pending.isEmpty { throw .signedOut(nil) } // nothing is under way: start over
            return .pending(pending)
        case .gone: throw .signedOut(nil)
        default: return .given(try value(of: operation))
        }
    }

    enum Step: Sendable {
        case given(Value)
        case pending([Flow])
    }
}

extension StepAnswer where Value == User {
    /// How far the answer has brought the sign-in.
    func result(of operation: String) throws(SessionError) -> SignInResult {
        switch self {
        case .unauthorized(let answer): return .pending(answer.data.flows.filter { $0.isPending == true })
        case .gone: throw .signedOut(nil)
        default: return .signedIn(try value(of: operation))
        }
    }

    /// As ``result(of:)``, where an answer without a pending step says that nothing is under way.
    func nextResult(of operation: String) throws(SessionError) -> SignInResult {
        switch try step(of: operation) {
        case .given(let user): .signedIn(user)
        case .pending(let flows): .pending(flows)
        }
    }
}
