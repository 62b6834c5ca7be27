import LatchkeyAPI

// The answers of the passkey operations, one like the other. Written out: a case that the description
// gains does not compile until somebody has thought about it.

extension Operations.GetPasskeyLoginOptions.Output {
    var step: StepAnswer<JsonObject> {
        switch self {
        case .ok(let answer): .options(answer.data.requestOptions)
        case .notFound(let problem): .refused(404, problem)
        case .conflict(let problem): .refused(409, problem)
        case .gone: .gone
        case .tooManyRequests(let problem, let seconds): .refused(429, problem, retryAfter: seconds)
        case .serviceUnavailable(let problem, let seconds): .refused(503, problem, retryAfter: seconds)
        case .undocumented(let response): .undocumented(response.status)
        }
    }
}

extension Operations.LoginByPasskey.Output {
    var step: StepAnswer<User> {
        switch self {
        case .ok(let answer): .done(answer.data.user)
        case .badRequest(let problem): .refused(400, problem)
        case .unauthorized(let answer): .unauthorized(answer)
        case .notFound(let problem): .refused(404, problem)
        case .conflict(let problem): .refused(409, problem)
        case .gone: .gone
        case .contentTooLarge(let problem): .refused(413, problem)
        case .unsupportedMediaType(let problem): .refused(415, problem)
        case .tooManyRequests(let problem, let seconds): .refused(429, problem, retryAfter: seconds)
        case .serviceUnavailable(let problem, let seconds): .refused(503, problem, retryAfter: seconds)
        case .undocumented(let response): .undocumented(response.status)
        }
    }
}

extension Operations.SignupByPasskey.Output {
    var step: StepAnswer<User> {
        switch self {
        case .badRequest(let problem): .refused(400, problem)
        case .unauthorized(let answer): .unauthorized(answer)
        case .forbidden(let problem): .refused(403, problem)
        case .notFound(let problem): .refused(404, problem)
        case .conflict(let problem): .refused(409, problem)
        case .gone: .gone
        case .contentTooLarge(let problem): .refused(413, problem)
        case .unsupportedMediaType(let problem): .refused(415, problem)
        case .tooManyRequests(let problem, let seconds): .refused(429, problem, retryAfter: seconds)
        case .serviceUnavailable(let problem, let seconds): .refused(503, problem, retryAfter: seconds)
        case .undocumented(let response): .undocumented(response.status)
        }
    }
}

extension Operations.GetPasskeySignupOptions.Output {
    var step: StepAnswer<JsonObject> {
        switch self {
        case .ok(let answer): .options(answer.data.creationOptions)
        case .notFound(let problem): .refused(404, problem)
        case .conflict(let problem): .refused(409, problem)
        case .gone: .gone
        case .tooManyRequests(let problem, let seconds): .refused(429, problem, retryAfter: seconds)
        case .serviceUnavailable(let problem, let seconds): .refused(503, problem, retryAfter: seconds)
        case .undocumented(let response): .undocumented(response.status)
        }
    }
}

extension Operations.CompletePasskeySignup.Output {
    var step: StepAnswer<User> {
        switch self {
        case .ok(let answer): .done(answer.data.user)
        case .badRequest(let problem): .refused(400, problem)
        case .notFound(let problem): .refused(404, problem)
        case .conflict(let problem): .refused(409, problem)
        case .gone: .gone
        case .contentTooLarge(let problem): .refused(413, problem)
        case .unsupportedMediaType(let problem): .refused(415, problem)
        case .tooManyRequests(let problem, let seconds): .refused(429, problem, retryAfter: seconds)
        case .serviceUnavailable(let problem, let seconds): .refused(503, problem, retryAfter: seconds)
        case .undocumented(let response): .undocumented(response.status)
        }
    }
}

extension Operations.GetCreationOptions.Output {
    var step: StepAnswer<JsonObject> {
        switch self {
        case .ok(let answer): .options(answer.data.creationOptions)
        case .badRequest(let problem): .refused(400, problem)
        case .unauthorized(let answer): .unauthorized(answer)
        case .notFound(let problem): .refused(404, problem)
        case .conflict(let problem): .refused(409, problem)
        case .gone: .gone
        case .tooManyRequests(let problem, let seconds): .refused(429, problem, retryAfter: seconds)
        case .serviceUnavailable(let problem, let seconds): .refused(503, problem, retryAfter: seconds)
        case .undocumented(let response): .undocumented(response.status)
        }
    }
}

extension Operations.AddCredential.Output {
    var step: StepAnswer<AddedPasskey> {
        switch self {
        case .ok(let answer): .done(AddedPasskey(answer))
        case .badRequest(let problem): .refused(400, problem)
        case .unauthorized(let answer): .unauthorized(answer)
        case .notFound(let problem): .refused(404, problem)
        case .conflict(let problem): .refused(409, problem)
        case .gone: .gone
        case .contentTooLarge(let problem): .refused(413, problem)
        case .unsupportedMediaType(let problem): .refused(415, problem)
        case .tooManyRequests(let problem, let seconds): .refused(429, problem, retryAfter: seconds)
        case .serviceUnavailable(let problem, let seconds): .refused(503, problem, retryAfter: seconds)
        case .undocumented(let response): .undocumented(response.status)
        }
    }
}
