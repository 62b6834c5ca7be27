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

    /// What a sign-in asked for; the flows where another step comes first. An answer without a
    /// pending step refuses a sign-in that begins, as it does to somebody whose account is
    /// disabled; to one that goes on it says that it is over.
    func step(of operation: String, begins: Bool = false) throws(SessionError) -> Step {
        switch self {
        case .unauthorized(let answer) where answer.meta.isAuthenticated != true:
            let pending = answer.data.flows.filter { $0.isPending == true }
            if pending.isEmpty { throw begins ? .problem(status: 401, []) : .nothingPending }
            return .pending(pending)
        case .gone: throw .nothingPending
        default: return .given(try value(of: operation))
        }
    }

    /// What a sign-in that is under way asked for, where no other step can come first.
    func onlyStep(of operation: String) throws(SessionError) -> Value {
        if case .gone = self { throw .nothingPending }
        return try value(of: operation)
    }

    enum Step: Sendable {
        case given(Value)
        case pending([Flow])
    }
}

extension StepAnswer where Value == User {
    /// How far the answer has brought the sign-in, which it may have been the first step of.
    func result(of operation: String, begins: Bool = false) throws(SessionError) -> SignInResult {
        switch try step(of: operation, begins: begins) {
        case .given(let user): .signedIn(user)
        case .pending(let flows): .pending(flows)
        }
    }
}

extension StepAnswer where Value == JsonObject {
    /// WebAuthn's options, as a prompt takes them: without the `publicKey` that the server has
    /// around them. Without that it is no answer of Latchkey's.
    static func options(_ given: JsonObject) -> StepAnswer {
        if case .object(let options)? = given["publicKey"] { .done(options) } else { .undocumented(200) }
    }
}
