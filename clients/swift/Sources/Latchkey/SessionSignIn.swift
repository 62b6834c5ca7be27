import Foundation
import LatchkeyAPI

extension Session {
    /// Signs in with an address and a password.
    public func signIn(email: String, password: String) async throws(SessionError) -> SignInResult {
        try await signIn(LoginRequest(email: email, password: password))
    }

    /// Signs in with a password and whatever names the account here.
    ///
    /// - Returns: Who is signed in, or what is pending.
    /// - Throws: ``SessionError/problem(status:_:)`` with what is wrong, such as
    ///   `email_password_mismatch`.
    public func signIn(_ request: LoginRequest) async throws(SessionError) -> SignInResult {
        try await signIn(request, again: true)
    }

    private func signIn(_ request: LoginRequest, again: Bool) async throws(SessionError) -> SignInResult {
        do {
            switch try await api.login(.init(body: request)) {
            case .ok(let answer): return .signedIn(answer.data.user)
            case .unauthorized(let answer): return .pending(answer.data.flows.filter { $0.isPending == true })
            case .badRequest(let problem): throw SessionError.answer(400, problem, operation: "login")
            case .conflict(let problem): throw SessionError.answer(409, problem, operation: "login")
            case .contentTooLarge(let problem): throw SessionError.answer(413, problem, operation: "login")
            case .unsupportedMediaType(let problem): throw SessionError.answer(415, problem, operation: "login")
            case .tooManyRequests(let problem, let seconds):
                throw SessionError.answer(429, problem, operation: "login", retryAfter: seconds)
            case .serviceUnavailable(let problem, let seconds):
                throw SessionError.answer(503, problem, operation: "login", retryAfter: seconds)
            case .gone where again: return try await signIn(request, again: false) // an earlier sign-in has run out
            case .gone: throw SessionError.signedOut(nil)
            case .undocumented(let response): throw SessionError.undocumented(status: response.status)
            }
        } catch { throw SessionError(error) }
    }

    /// Makes an account with an address and a password, and signs in.
    public func signUp(email: String, password: String) async throws(SessionError) -> SignInResult {
        try await signUp(SignupRequest(email: email, password: password))
    }

    /// Makes an account, and signs in.
    ///
    /// - Returns: Who is signed in, or what is pending, such as `verify_email`.
    /// - Throws: ``SessionError/problem(status:_:)`` with what is wrong, such as
    ///   `password_too_short`.
    public func signUp(_ request: SignupRequest) async throws(SessionError) -> SignInResult {
        try await signUp(request, again: true)
    }

    private func signUp(_ request: SignupRequest, again: Bool) async throws(SessionError) -> SignInResult {
        do {
            switch try await api.signup(.init(body: request)) {
            case .ok(let answer): return .signedIn(answer.data.user)
            case .unauthorized(let answer): return .pending(answer.data.flows.filter { $0.isPending == true })
            case .badRequest(let problem): throw SessionError.answer(400, problem, operation: "signup")
            case .forbidden(let problem): throw SessionError.answer(403, problem, operation: "signup")
            case .conflict(let problem): throw SessionError.answer(409, problem, operation: "signup")
            case .contentTooLarge(let problem): throw SessionError.answer(413, problem, operation: "signup")
            case .unsupportedMediaType(let problem): throw SessionError.answer(415, problem, operation: "signup")
            case .tooManyRequests(let problem, let seconds):
                throw SessionError.answer(429, problem, operation: "signup", retryAfter: seconds)
            case .serviceUnavailable(let problem, let seconds):
                throw SessionError.answer(503, problem, operation: "signup", retryAfter: seconds)
            case .gone where again: return try await signUp(request, again: false) // an earlier sign-in has run out
            case .gone: throw SessionError.signedOut(nil)
            case .undocumented(let response): throw SessionError.undocumented(status: response.status)
            }
        } catch { throw SessionError(error) }
    }

    /// Signs out: the local copies go at once. Then the server is told, which may take two
    /// seconds here; where it takes longer it goes on by itself, also in the next launch.
    ///
    /// - Throws: ``SessionError/locked`` or ``SessionError/store(_:)`` where the copies could not
    ///   be removed. The person is signed out all the same; the session removes them as soon as
    ///   it can, while the app runs.
    public func signOut() async throws(SessionError) {
        sessionToken = nil
        guard let record = try recordToEnd() else { return }
        epoch += 1 // what is under way from here on brings nothing back
        let access = shared.current
        let result = await Task { await takeAway(record) }.value
        if case .failure = result { voidKey = record.idempotencyKey }
        end(.user)
        if let removed = (try? result.get()) ?? (voidKey == record.idempotencyKey ? record : nil) {
            await signOuts.add(removed, access: access)
            await signOuts.tryNow()
        }
        _ = try result.get()
    }

    /// What is stored, or what was when the store could last be read.
    private func recordToEnd() throws(SessionError) -> TokenRecord? {
        do { return try load() } catch {
            guard case .record(let record) = known else { throw error }
            return record
        }
    }

    private func takeAway(_ record: TokenRecord) async -> Result<TokenRecord?, SessionError> {
        var record = record
        while true {
            do {
                switch try await vault.remove(record.idempotencyKey, queue: true) {
                case .made(let removed): return .success(removed)
                case .overtaken(nil): return .success(nil)
                case .overtaken(let other?): record = other // another process has refreshed it
                }
            } catch { return .failure(SessionError(error)) }
        }
    }
}
