import LatchkeyAPI

// The answers of signing in and of proving it again, one like the other. Written out: a case that the description
// gains does not compile until somebody has thought about it.

extension Operations.Login.Output {
    var step: StepAnswer<User> {
        switch self {
        case .ok(let answer): .done(answer.data.user)
        case .badRequest(let problem): .refused(400, problem)
        case .unauthorized(let answer): .unauthorized(answer)
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

extension Operations.Signup.Output {
    var step: StepAnswer<User> {
        switch self {
        case .ok(let answer): .done(answer.data.user)
        case .badRequest(let problem): .refused(400, problem)
        case .unauthorized(let answer): .unauthorized(answer)
        case .forbidden(let problem): .refused(403, problem)
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

extension Operations.SubmitSecondFactor.Output {
    var step: StepAnswer<User> {
        switch self {
        case .ok(let answer): .done(answer.data.user)
        case .badRequest(let problem): .refused(400, problem)
        case .unauthorized(let answer): .unauthorized(answer)
        case .conflict(let problem): .refused(409, problem)
        case .gone: .gone
        case .contentTooLarge(let problem): .refused(413, problem)
        case .unsupportedMediaType(let problem): .refused(415, problem)
        case .serviceUnavailable(let problem, let seconds): .refused(503, problem, retryAfter: seconds)
        case .undocumented(let response): .undocumented(response.status)
        }
    }
}

extension Operations.GetSecondFactorOptions.Output {
    var step: StepAnswer<JsonObject> {
        switch self {
        case .ok(let answer): .options(answer.data.requestOptions)
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

extension Operations.SubmitSecondFactorCredential.Output {
    var step: StepAnswer<User> {
        switch self {
        case .ok(let answer): .done(answer.data.user)
        case .badRequest(let problem): .refused(400, problem)
        case .unauthorized(let answer): .unauthorized(answer)
        case .conflict(let problem): .refused(409, problem)
        case .gone: .gone
        case .contentTooLarge(let problem): .refused(413, problem)
        case .unsupportedMediaType(let problem): .refused(415, problem)
        case .serviceUnavailable(let problem, let seconds): .refused(503, problem, retryAfter: seconds)
        case .undocumented(let response): .undocumented(response.status)
        }
    }
}

extension Operations.Reauthenticate.Output {
    var step: StepAnswer<User> {
        switch self {
        case .ok(let answer): .done(answer.data.user)
        case .badRequest(let problem): .refused(400, problem)
        case .unauthorized(let answer): .unauthorized(answer)
        case .gone: .gone
        case .contentTooLarge(let problem): .refused(413, problem)
        case .unsupportedMediaType(let problem): .refused(415, problem)
        case .tooManyRequests(let problem, let seconds): .refused(429, problem, retryAfter: seconds)
        case .serviceUnavailable(let problem, let seconds): .refused(503, problem, retryAfter: seconds)
        case .undocumented(let response): .undocumented(response.status)
        }
    }
}

extension Operations.ReauthenticateBySecondFactor.Output {
    var step: StepAnswer<User> {
        switch self {
        case .ok(let answer): .done(answer.data.user)
        case .badRequest(let problem): .refused(400, problem)
        case .unauthorized(let answer): .unauthorized(answer)
        case .gone: .gone
        case .contentTooLarge(let problem): .refused(413, problem)
        case .unsupportedMediaType(let problem): .refused(415, problem)
        case .serviceUnavailable(let problem, let seconds): .refused(503, problem, retryAfter: seconds)
        case .undocumented(let response): .undocumented(response.status)
        }
    }
}

extension Operations.RequestReauthenticationCode.Output {
    var step: StepAnswer<Void> {
        switch self {
        case .ok: .done(())
        case .unauthorized(let answer): .unauthorized(answer)
        case .gone: .gone
        case .tooManyRequests(let problem, let seconds): .refused(429, problem, retryAfter: seconds)
        case .serviceUnavailable(let problem, let seconds): .refused(503, problem, retryAfter: seconds)
        case .undocumented(let response): .undocumented(response.status)
        }
    }
}

extension Operations.ConfirmReauthenticationCode.Output {
    var step: StepAnswer<User> {
        switch self {
        case .ok(let answer): .done(answer.data.user)
        case .badRequest(let problem): .refused(400, problem)
        case .unauthorized(let answer): .unauthorized(answer)
        case .conflict(let problem): .refused(409, problem)
        case .gone: .gone
        case .contentTooLarge(let problem): .refused(413, problem)
        case .unsupportedMediaType(let problem): .refused(415, problem)
        case .serviceUnavailable(let problem, let seconds): .refused(503, problem, retryAfter: seconds)
        case .undocumented(let response): .undocumented(response.status)
        }
    }
}

extension Operations.GetReauthenticationOptions.Output {
    var step: StepAnswer<JsonObject> {
        switch self {
        case .ok(let answer): .options(answer.data.requestOptions)
        case .unauthorized(let answer): .unauthorized(answer)
        case .notFound(let problem): .refused(404, problem)
        case .gone: .gone
        case .tooManyRequests(let problem, let seconds): .refused(429, problem, retryAfter: seconds)
        case .serviceUnavailable(let problem, let seconds): .refused(503, problem, retryAfter: seconds)
        case .undocumented(let response): .undocumented(response.status)
        }
    }
}

extension Operations.ReauthenticateByCredential.Output {
    var step: StepAnswer<User> {
        switch self {
        case .ok(let answer): .done(answer.data.user)
        case .badRequest(let problem): .refused(400, problem)
        case .unauthorized(let answer): .unauthorized(answer)
        case .gone: .gone
        case .contentTooLarge(let problem): .refused(413, problem)
        case .unsupportedMediaType(let problem): .refused(415, problem)
        case .serviceUnavailable(let problem, let seconds): .refused(503, problem, retryAfter: seconds)
        case .undocumented(let response): .undocumented(response.status)
        }
    }
}

extension Operations.CreateProviderNonce.Output {
    var step: StepAnswer<ProviderNonce> {
        switch self {
        case .ok(let answer): .done(answer.data)
        case .badRequest(let problem): .refused(400, problem)
        case .unauthorized(let answer): .unauthorized(answer)
        case .gone: .gone
        case .tooManyRequests(let problem, let seconds): .refused(429, problem, retryAfter: seconds)
        case .serviceUnavailable(let problem, let seconds): .refused(503, problem, retryAfter: seconds)
        case .undocumented(let response): .undocumented(response.status)
        }
    }
}

extension Operations.SubmitProviderToken.Output {
    var step: StepAnswer<User> {
        switch self {
        case .ok(let answer): .done(answer.data.user)
        case .badRequest(let problem): .refused(400, problem)
        case .unauthorized(let answer): .unauthorized(answer)
        case .forbidden(let problem): .refused(403, problem)
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
